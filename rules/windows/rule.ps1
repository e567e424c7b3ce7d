# Our rules, by COM: one by its name, never all of them. Names of ours are
# MARK:N and MARK:N:K; a twin that goes off is called "NAME off N I e" (it was
# enabled) or "... d" until the change has ended.

function Connect-FwRules {
	$policy = New-Object -ComObject HNetCfg.FwPolicy2
	return , $policy.Rules
}

# The rule of that name, one of them where it has twins; $null where there is none.
function Find-FwRule($Rules, [string]$Name) {
	try { $rule = $Rules.Item($Name) } catch {
		if ((Get-FwCode $_) -ne '0x80070002') { throw }
		return $null
	}
	if ($rule.Name -cne $Name) { return $null } # somebody else's, in other letters
	return $rule
}

# Removes all rules of that name: one call removes one.
function Remove-FwRule($Rules, [string]$Name) {
	for ($i = 0; $null -ne (Find-FwRule $Rules $Name); $i++) {
		if ($i -ge 100) { throw "the firewall keeps a rule that was removed: $Name" }
		$null = $Rules.Remove($Name)
	}
}

# What is ours in the local store: name, enabled, text of each.
function Get-FwOwned {
	$all = New-Object Collections.ArrayList
	foreach ($text in (Select-FwOurs (Read-FwRules $fwLocal))) {
		$at = $text.IndexOf('|Name=', [StringComparison]::Ordinal) + 6
		$end = $text.IndexOf([char]'|', $at)
		if ($end -lt 0) { $end = $text.Length }
		$null = $all.Add(@{ name = $text.Substring($at, $end - $at); enabled = $text.Contains('|Active=TRUE|'); text = $text })
	}
	return , $all
}

# The properties of a new rule, in an order in which each can be set.
function Get-FwProperties($Addition, [long]$Lease) {
	$name = "$($Addition['mark']):$Lease"
	if ($Addition['part'] -gt 0) { $name += ":$($Addition['part'])" }
	$again = $Addition['again']
	if ($null -eq $again) { $again = @{} }
	$all = New-Object Collections.Specialized.OrderedDictionary
	$all['Name'] = $name
	if ($Addition['description']) { $all['Description'] = [string]$Addition['description'] }
	$all['Grouping'] = 'farmwall'
	foreach ($key in 'Grouping', 'ApplicationName', 'serviceName') { if ($null -ne $again[$key]) { $all[$key] = [string]$again[$key] } }
	$all['Protocol'] = [int]$Addition['protocol']
	if ($Addition['local_ports']) { $all['LocalPorts'] = [string]$Addition['local_ports'] }
	if ($Addition['remote_ports']) { $all['RemotePorts'] = [string]$Addition['remote_ports'] }
	foreach ($key in 'IcmpTypesAndCodes', 'LocalAddresses') { if ($null -ne $again[$key]) { $all[$key] = [string]$again[$key] } }
	# An empty one would open the rule to everybody.
	if (-not $Addition['remote_addresses']) { throw "$name has no remote addresses" }
	$all['RemoteAddresses'] = [string]$Addition['remote_addresses']
	$all['Direction'] = [int]$Addition['direction']
	$all['Action'] = 1
	if ($null -ne $again['Action']) { $all['Action'] = [int]$again['Action'] }
	$all['Profiles'] = 2147483647
	if ($null -ne $again['Profiles']) { $all['Profiles'] = [int]$again['Profiles'] }
	if ($null -ne $again['InterfaceTypes']) { $all['InterfaceTypes'] = [string]$again['InterfaceTypes'] }
	foreach ($key in 'EdgeTraversalOptions', 'SecureFlags') { if ($null -ne $again[$key]) { $all[$key] = [int]$again[$key] } }
	$all['Enabled'] = $true
	if ($null -ne $again['Enabled']) { $all['Enabled'] = [bool]$again['Enabled'] }
	return $all
}

# A rule that stands nowhere yet, whole and read back: the object tests what it is given.
function New-FwRule($Addition, [long]$Lease) {
	$all = Get-FwProperties $Addition $Lease
	$rule = New-Object -ComObject HNetCfg.FWRule
	foreach ($key in @($all.Keys)) {
		try { $rule.$key = $all[$key] } catch { throw "$($all['Name']): $key cannot be $(Format-FwShort $all[$key]): $(Format-FwProblem $_)" }
	}
	foreach ($key in @($all.Keys)) {
		$read = $rule.$key
		if (-not (Test-FwSame $key $all[$key] $read)) {
			throw "$($all['Name']): $key is to be $(Format-FwShort $all[$key]) and reads back as $(Format-FwShort $read)"
		}
	}
	return @{ name = $all['Name']; enabled = $all['Enabled']; block = $all['Action'] -eq 0; rule = $rule }
}

function Format-FwShort($Value) {
	$text = [string]$Value
	if ($text.Length -gt 120) { $text = $text.Substring(0, 120) + '...' }
	return '"' + $text + '"'
}

# Whether a property reads back as what was set, in Windows' own way of writing it.
function Test-FwSame([string]$Key, $Set, $Read) {
	if ($Set -is [int]) {
		if ($Key -eq 'Profiles' -and $Set -eq 7) { $Set = 2147483647 }
		if ($Key -eq 'Profiles' -and $Read -eq 7) { $Read = 2147483647 }
		return $Set -eq $Read
	}
	if ($Set -is [bool]) { return $Set -eq [bool]$Read }
	if ([string]$Read -ceq $Set) { return $true }
	switch -CaseSensitive ($Key) {
		'LocalAddresses' { return (Get-FwRanges $Set) -ceq (Get-FwRanges $Read) }
		'RemoteAddresses' { return (Get-FwRanges $Set) -ceq (Get-FwRanges $Read) }
		'ApplicationName' { return [Environment]::ExpandEnvironmentVariables($Set) -eq [Environment]::ExpandEnvironmentVariables([string]$Read) }
		{ 'LocalPorts', 'RemotePorts', 'InterfaceTypes', 'IcmpTypesAndCodes' -contains $_ } { return (Get-FwWords $Set) -eq (Get-FwWords $Read) }
	}
	return $false
}

# A list without its order; keywords come back with a comma behind them.
function Get-FwWords([string]$List) {
	$words = $List.Split([char[]]',', [StringSplitOptions]::RemoveEmptyEntries)
	[Array]::Sort($words, [StringComparer]::OrdinalIgnoreCase)
	return [string]::Join(',', $words)
}

# A list of addresses by its meaning: ranges as hexadecimal numbers, sorted. The same
# lists come again and again.
$fwRanges = @{}
function Get-FwRanges([string]$List) {
	$known = $fwRanges[$List]
	if ($null -ne $known) { return $known }
	$all = New-Object 'Collections.Generic.SortedDictionary[string,bool]' ([StringComparer]::Ordinal)
	foreach ($word in $List.Split([char[]]',')) { $all[(Get-FwRange $word)] = $true }
	$text = [string]::Join(',', @($all.Keys))
	$fwRanges[$List] = $text
	return $text
}

function Get-FwRange([string]$Word) {
	$parts = $Word.Split([char[]]'-/')
	$low = $null
	if ($parts[0].IndexOfAny([char[]]'.:') -lt 0 -or -not [Net.IPAddress]::TryParse($parts[0], [ref]$low)) { return $Word.ToLowerInvariant() }
	$first = $low.GetAddressBytes()
	$last = $low.GetAddressBytes()
	if ($parts.Length -eq 2) {
		$second = $null
		$bits = 0
		if ([int]::TryParse($parts[1], [ref]$bits)) {
			for ($i = 0; $i -lt $first.Length; $i++) {
				$mask = 255 -band (65280 -shr [Math]::Max(0, [Math]::Min(8, $bits - 8 * $i)))
				$first[$i] = $first[$i] -band $mask
				$last[$i] = $last[$i] -bor (255 -bxor $mask)
			}
		} elseif ([Net.IPAddress]::TryParse($parts[1], [ref]$second) -and $second.GetAddressBytes().Length -eq $first.Length) {
			$mask = $second.GetAddressBytes()
			if ($Word.IndexOf([char]'-') -ge 0) { $last = $mask } else {
				for ($i = 0; $i -lt $first.Length; $i++) {
					$first[$i] = $first[$i] -band $mask[$i]
					$last[$i] = $last[$i] -bor (255 -bxor $mask[$i])
				}
			}
		} else { return $Word.ToLowerInvariant() }
	}
	return "$($first.Length):$([BitConverter]::ToString($first))=$([BitConverter]::ToString($last))"
}
