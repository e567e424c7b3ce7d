# farmwall doctor 1
param([byte[]]$Data, [string]$Connection, $Answer)
$ErrorActionPreference = 'Stop'
# A report on questions about Windows that its documentation leaves open. It changes
# nothing: rules are made, but none is ever added; the requests that it sends go to this
# host's own WinRM. It prints one JSON document, which
# can be read before it is sent to anybody: versions, settings of WinRM and of the
# firewall, and how its objects behave; no address, no user, no name of a rule or of
# this host, and no secret. A console can run it, too, without farmwall.

# What a detached rule makes of one property: what reads back, or the HRESULT.
function Test-FwProperty([string]$Property, $Value, $First) {
	$seen = [ordered]@{ property = $Property; set = $Value }
	if ($First) { $seen.first = $First }
	try {
		$rule = New-Object -ComObject HNetCfg.FWRule
		if ($First) { foreach ($key in @($First.Keys)) { $rule.$key = $First[$key] } }
		try { $rule.$Property = $Value } catch {
			$seen.code = Get-FwCode $_
			$seen.type = $_.Exception.GetType().FullName
			$seen.base = $_.Exception.GetBaseException().GetType().FullName
		}
		$read = $rule.$Property
		if ($read -is [array]) { $seen.reads = @($read) } elseif ($null -eq $read) { $seen.reads = $null } else { $seen.reads = [string]$read }
	} catch { $seen.failed = Get-FwCode $_ }
	return $seen
}

# Runs a probe: what it found, how long it took, or how it failed.
function Invoke-FwProbe([scriptblock]$Probe) {
	$clock = [Diagnostics.Stopwatch]::StartNew()
	$found = [ordered]@{}
	try { $found.found = & $Probe } catch {
		$found.code = Get-FwCode $_
		$found.type = $_.Exception.GetType().FullName
		$found.base = $_.Exception.GetBaseException().GetType().FullName
	}
	$found.ms = $clock.ElapsedMilliseconds
	return $found
}

# Open points of the firewall's objects.
function Get-FwRuleProbes {
	$tcp = [ordered]@{ Protocol = 6 }
	$all = New-Object Collections.ArrayList
	$new = New-Object -ComObject HNetCfg.FWRule
	$fresh = [ordered]@{}
	foreach ($name in 'Enabled', 'Direction', 'Action', 'Protocol', 'Profiles', 'InterfaceTypes', 'LocalAddresses', 'RemoteAddresses', 'EdgeTraversal',
		'EdgeTraversalOptions', 'SecureFlags', 'Interfaces', 'Description', 'ApplicationName', 'serviceName', 'Grouping', 'LocalPorts', 'RemotePorts', 'IcmpTypesAndCodes') {
		$value = $new.$name
		if ($null -eq $value) { $fresh[$name] = $null } else { $fresh[$name] = [string]$value }
	}
	foreach ($probe in @(
			@('Profiles', 7), @('Profiles', 2147483647), @('Profiles', 0), @('Profiles', 8),
			@('Protocol', 112), @('Protocol', 300), @('Direction', 3), @('Action', 5),
			@('Name', 'all'), @('Name', 'a|b'), @('Name', ''), @('Description', 'a|b'), @('Description', ''), @('Grouping', ''),
			@('Interfaces', @('farmwall: no adapter has this name')), @('InterfaceTypes', 'RemoteAccess,Lan,Wireless'), @('InterfaceTypes', 'Rubbish'), @('InterfaceTypes', ''),
			@('RemoteAddresses', ''), @('RemoteAddresses', '192.0.2.1'), @('RemoteAddresses', '192.0.2.77/24'), @('RemoteAddresses', '192.0.2.0/24,192.0.2.128/25'),
			@('RemoteAddresses', '192.0.2.9,192.0.2.1,198.51.100.0/24,192.0.2.3-192.0.2.5,2001:db8::9,2001:db8:1::/48'), @('RemoteAddresses', '192.0.2.1,192.0.2.1'),
			@('RemoteAddresses', '2001:db8::9'), @('RemoteAddresses', '2001:db8::9/128'), @('RemoteAddresses', '2001:db8::6f/127'), @('RemoteAddresses', '::1'), @('RemoteAddresses', 'ff02::1'),
			@('RemoteAddresses', '192.0.2.300'), @('RemoteAddresses', '192.0.2.1/33'), @('RemoteAddresses', '192.0.2.9-192.0.2.1'), @('RemoteAddresses', 'rubbish'),
			@('RemoteAddresses', '*,192.0.2.1'), @('RemoteAddresses', 'dhcp,localsubnet'), @('RemoteAddresses', 'LocalSubnet4'), @('RemoteAddresses', 'Intranet')
		)) { $null = $all.Add((Test-FwProperty $probe[0] $probe[1] $null)) }
	foreach ($ports in '0', '65536', '70000', '90-80', 'rubbish', '80,443,80', '443,80', '5000-5010,80', 'RPC', 'RPC-EPMap', 'IPHTTPSIn', 'Ply2Disc', '') {
		$null = $all.Add((Test-FwProperty 'LocalPorts' $ports $tcp))
	}
	$null = $all.Add((Test-FwProperty 'LocalPorts' '80' $null))
	$null = $all.Add((Test-FwProperty 'IcmpTypesAndCodes' '8:*' ([ordered]@{ Protocol = 1 })))
	$null = $all.Add((Test-FwProperty 'IcmpTypesAndCodes' '8:*' $tcp))
	$null = $all.Add((Test-FwProperty 'Protocol' 256 ([ordered]@{ Protocol = 6; LocalPorts = '80' })))
	# How long a list of addresses may be.
	foreach ($count in 1000, 5000) {
		$list = New-Object Collections.ArrayList
		for ($i = 0; $i -lt $count; $i++) { $null = $list.Add("198.18.$([Math]::Floor($i / 250)).$($i % 250 + 1)") }
		$text = [string]::Join(',', $list.ToArray())
		$seen = Invoke-FwProbe {
			$rule = New-Object -ComObject HNetCfg.FWRule
			$rule.RemoteAddresses = $text
			$rule.RemoteAddresses.Split([char[]]',').Length
		}
		$seen.addresses = $count
		$null = $all.Add($seen)
	}
	return [ordered]@{ fresh = $fresh; properties = $all }
}

# What is asked of the policy and of the collection of rules; the rules are counted, not listed.
function Get-FwPolicyProbes {
	$policy = New-Object -ComObject HNetCfg.FwPolicy2
	$rules = $policy.Rules
	return [ordered]@{
		count = Invoke-FwProbe { [int]$rules.Count }
		item_missing = Invoke-FwProbe { [bool]$rules.Item('farmwall: no rule has this name') }
		restricted_count = Invoke-FwProbe { [int]$policy.ServiceRestriction.Rules.Count }
		group_plain = Invoke-FwProbe { [bool]$policy.IsRuleGroupCurrentlyEnabled('farmwall: no group has this name') }
		group_builtin = Invoke-FwProbe { [bool]$policy.IsRuleGroupCurrentlyEnabled('@FirewallAPI.dll,-30267') }
		modify_state = Invoke-FwProbe { [int]$policy.LocalPolicyModifyState }
		active = Invoke-FwProbe { [int]$policy.CurrentProfileTypes }
		excluded = Invoke-FwProbe { $e = $policy.ExcludedInterfaces(1); if ($null -eq $e) { 'null' } else { $e.GetType().FullName } }
	}
}

# How the stores look: how many rules, and which fields they use. Texts of rules stay here.
function Get-FwStoreProbes {
	$all = [ordered]@{}
	foreach ($store in @('local', $fwLocal), @('gpo', $fwPolicy)) {
		$all[$store[0]] = Invoke-FwProbe {
			$rules = Read-FwRules $store[1]
			$fields = New-Object 'Collections.Generic.SortedDictionary[string,int]' ([StringComparer]::Ordinal)
			$keywords = New-Object 'Collections.Generic.SortedDictionary[string,int]' ([StringComparer]::Ordinal)
			foreach ($text in $rules.texts) {
				$parts = $text.Split([char[]]'|')
				for ($i = 0; $i -lt $parts.Length; $i++) {
					$at = $parts[$i].IndexOf([char]'=')
					$name = $parts[$i]
					if ($at -ge 0) { $name = $name.Substring(0, $at) } elseif ($i -gt 0) { continue }
					if ($name -cnotmatch '\A[A-Za-z0-9_.]{1,32}\z') { $name = '(odd)' }
					$fields[$name] = 1 + $(if ($fields.ContainsKey($name)) { $fields[$name] } else { 0 })
					if ('Active', 'Action', 'Dir', 'Profile', 'Edge', 'Defer', 'Protocol', 'IFType', 'Platform', 'Platform2' -ccontains $name -or
						($name -cmatch '\A(LPort|RPort|LA|RA)' -and $parts[$i] -cmatch '=[A-Za-z][A-Za-z0-9-]*\z')) {
						$keywords[$parts[$i]] = 1 + $(if ($keywords.ContainsKey($parts[$i])) { $keywords[$parts[$i]] } else { 0 })
					}
				}
			}
			[ordered]@{ rules = $rules.ids.Length; left_out = $rules.left; fields = $fields; values = $keywords }
		}
	}
	$all.numbers = Invoke-FwProbe {
		[ordered]@{
			local = Read-FwProfiles $fwLocal ('DomainProfile', 'StandardProfile', 'PublicProfile')
			gpo = Read-FwProfiles $fwPolicy ('DomainProfile', 'PrivateProfile', 'PublicProfile', 'StandardProfile')
		}
	}
	$all.restricted = Invoke-FwProbe {
		[ordered]@{ system = Measure-FwKey "$fwLocal\RestrictedServices\Configurable\System"; appiso = Measure-FwKey "$fwLocal\RestrictedServices\AppIso\FirewallRules" }
	}
	return $all
}

# The settings of WinRM that are numbers and truths, from their policy and their own place.
function Get-FwWinRMProbes {
	$all = [ordered]@{}
	$root = 'SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN'
	foreach ($path in "$root\Service", "$root\Service\WinRS", "$root\Client", "$root\Client\auth_kerberos", 'SOFTWARE\Policies\Microsoft\Windows\WinRM\Service',
		'SOFTWARE\Policies\Microsoft\Windows\WinRM\Service\WinRS', 'SOFTWARE\Policies\Microsoft\Windows\WinRM\Client') {
		$values = Read-FwKey $path
		if ($null -eq $values) { continue }
		$numbers = New-Object 'Collections.Generic.SortedDictionary[string,long]' ([StringComparer]::Ordinal)
		foreach ($entry in $values.GetEnumerator()) { if ($entry.Value -is [int]) { $numbers[[string]$entry.Key] = [long]$entry.Value -band 4294967295L } }
		$all[$path] = $numbers
	}
	# All settings with their defaults; only truths and numbers are taken.
	$all.config = Invoke-FwProbe {
		$session = (New-Object -ComObject WSMan.Automation).CreateSession()
		$xml = [xml]$session.Get('http://schemas.microsoft.com/wbem/wsman/1/config')
		$leaves = New-Object Collections.Specialized.OrderedDictionary
		foreach ($node in $xml.SelectNodes('//*[not(*)]')) {
			if ($node.InnerText -notmatch '\A([0-9]{1,12}|true|false)\z') { continue }
			$leaves[$node.ParentNode.LocalName + '.' + $node.LocalName] = $node.InnerText
		}
		$leaves
	}
	$identify = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><s:Body><i:Identify/></s:Body></s:Envelope>'
	$all.get = Invoke-FwProbe { Send-FwHttp 'GET' $false '' }
	$all.empty_post = Invoke-FwProbe { Send-FwHttp 'POST' $false '' }
	$all.empty_post_logon = Invoke-FwProbe { Send-FwHttp 'POST' $true '' }
	$all.unsealed_logon = Invoke-FwProbe { Send-FwHttp 'POST' $true $identify }
	return $all
}

# What the process that a WinRM shell starts is like.
function Get-FwProcessProbes {
	return [ordered]@{
		language_mode = [string]$ExecutionContext.SessionState.LanguageMode
		clr = [string][Environment]::Version
		bits = [IntPtr]::Size * 8
		input_code_page = Invoke-FwProbe { [Console]::InputEncoding.CodePage }
		output_code_page = Invoke-FwProbe { [Console]::OutputEncoding.CodePage }
		culture = [string][Globalization.CultureInfo]::CurrentCulture
		boot = Invoke-FwProbe { [string](Get-FwBoot) -ne '' }
		stopwatch = [Diagnostics.Stopwatch]::IsHighResolution
		folder = Invoke-FwProbe { [string](Test-FwFolder (Get-FwFolder)) -eq '' }
		sockets = Invoke-FwProbe { @(Get-FwSockets).Length }
		adapters = Invoke-FwProbe { @(Get-FwInterfaces).Length }
		profiles_known = Invoke-FwProbe { @(Get-FwInterfaces | Where-Object { $_.profile }).Length }
		scheduler = Invoke-FwProbe { @(Get-FwTasks).Length }
		sha256 = Invoke-FwProbe { Get-FwHash ([byte[]]@()) }
	}
}

function Invoke-FwRequest {
	$system = Invoke-FwProbe { Get-FwSystem }
	$report = [ordered]@{
		about = 'farmwall doctor: versions, settings of WinRM and of the firewall, and how its objects behave. It holds no address, no user, no name of a rule or of this host, and no secret. Nothing was changed.'
		format = 1
		system = $system
		powershell = [string]$PSVersionTable.PSVersion
		admin = Invoke-FwProbe { [bool](Test-FwAdmin) }
		services = [ordered]@{ MpsSvc = Invoke-FwProbe { Get-FwService 'MpsSvc' }; BFE = Invoke-FwProbe { Get-FwService 'BFE' }; Schedule = Invoke-FwProbe { Get-FwService 'Schedule' } }
		process = Invoke-FwProbe { Get-FwProcessProbes }
		policy = Invoke-FwProbe { Get-FwPolicyProbes }
		rules = Invoke-FwProbe { Get-FwRuleProbes }
		stores = Invoke-FwProbe { Get-FwStoreProbes }
		winrm = Invoke-FwProbe { Get-FwWinRMProbes }
	}
	$text = Format-FwPretty $report ''
	if ($null -eq $Answer) {
		[Console]::Out.WriteLine($text)
		return
	}
	$bytes = [Text.Encoding]::UTF8.GetBytes($text + "`n")
	$Answer.Out.Write($bytes, 0, $bytes.Length)
}

# JSON that people can read: tables and lists of tables over several lines.
function Format-FwPretty($Value, [string]$Indent) {
	$more = $Indent + '  '
	$parts = New-Object Collections.ArrayList
	if ($Value -is [Collections.IDictionary] -and $Value.Count) {
		foreach ($key in @($Value.Keys)) { $null = $parts.Add($more + (Format-FwText $key) + ': ' + (Format-FwPretty $Value[$key] $more)) }
		return "{`n" + [string]::Join(",`n", $parts.ToArray()) + "`n$Indent}"
	}
	if ($Value -is [Collections.IList] -and $Value.Count -and $Value[0] -is [Collections.IDictionary]) {
		foreach ($item in $Value) { $null = $parts.Add($more + (Format-FwJson $item)) }
		return "[`n" + [string]::Join(",`n", $parts.ToArray()) + "`n$Indent]"
	}
	return Format-FwJson $Value
}
