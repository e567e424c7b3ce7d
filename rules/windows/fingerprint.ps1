# The firewall's stores in the registry, and the two fingerprints over them.
$fwLocal = 'SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy'
$fwPolicy = 'SOFTWARE\Policies\Microsoft\WindowsFirewall'

# A store's rules, sorted by their names in the registry: ids and texts, and left, how
# many lines that log-ons of users make were left out. A session host may have 200,000 of them.
function Read-FwRules([string]$Path) {
	$ids = New-Object Collections.Generic.List[string]
	$texts = New-Object Collections.Generic.List[string]
	$left = 0
	$values = Read-FwKey "$Path\FirewallRules"
	if ($null -ne $values) {
		foreach ($entry in $values.GetEnumerator()) {
			$text = [string]$entry.Value
			if ($text.Contains('|AppPkgId=') -or $text.Contains('|LUOwn=')) { $left++; continue }
			$ids.Add([string]$entry.Key)
			$texts.Add($text)
		}
	}
	$ids = $ids.ToArray()
	$texts = $texts.ToArray()
	[Array]::Sort($ids, $texts, [StringComparer]::Ordinal)
	return @{ ids = $ids; texts = $texts; left = $left }
}

# The whole numbers that a store holds for each profile; a key that is not there is left out.
function Read-FwProfiles([string]$Path, [string[]]$Profiles) {
	$all = New-Object Collections.Specialized.OrderedDictionary
	foreach ($name in $Profiles) {
		$values = Read-FwKey "$Path\$name"
		if ($null -eq $values) { continue }
		$numbers = New-Object 'Collections.Generic.SortedDictionary[string,long]' ([StringComparer]::Ordinal)
		foreach ($entry in $values.GetEnumerator()) {
			# A DWORD comes as an Int32.
			if ($entry.Value -is [int] -or $entry.Value -is [uint32]) { $numbers[[string]$entry.Key] = [long]$entry.Value -band 4294967295L }
		}
		$all[$name] = $numbers
	}
	return $all
}

function Read-FwStores {
	return @{
		local = Read-FwRules $fwLocal
		gpo = Read-FwRules $fwPolicy
		localProfiles = Read-FwProfiles $fwLocal ('DomainProfile', 'StandardProfile', 'PublicProfile')
		gpoProfiles = Read-FwProfiles $fwPolicy ('DomainProfile', 'PrivateProfile', 'PublicProfile', 'StandardProfile')
	}
}

# The texts of our rules: their names begin with our prefix. No field can hold the sign
# that parts them.
function Select-FwOurs($Rules) {
	$ours = New-Object Collections.Generic.List[string]
	foreach ($text in $Rules.texts) { if ($text.Contains('|Name=farmwall:')) { $ours.Add($text) } }
	return , $ours.ToArray()
}

# Rules that were taken off and put back count as the same: the number of the lease that
# stands behind a mark is left out.
function Get-FwOursPrint([string[]]$Texts) {
	$lease = New-Object regex '(\|Name=farmwall:[a-z0-9-]{1,32}:[a-z0-9.-]{1,64}:[0-9a-f]{8}):[0-9]{1,19}'
	$lines = [string[]]@(foreach ($text in $Texts) { $lease.Replace($text, '$1') })
	[Array]::Sort($lines, [StringComparer]::Ordinal)
	return Get-FwPrint $lines
}

function Get-FwHash([byte[]]$Bytes) {
	# Allowed under the FIPS policy, and there since .NET 3.5.
	$sha = New-Object Security.Cryptography.SHA256CryptoServiceProvider
	return [BitConverter]::ToString($sha.ComputeHash($Bytes)).Replace('-', '').ToLowerInvariant()
}

# SHA-256 over lines, each with its LF, as UTF-8.
function Get-FwPrint([string[]]$Lines) {
	$text = ''
	if ($Lines.Length) { $text = [string]::Join("`n", $Lines) + "`n" }
	return Get-FwHash ([Text.Encoding]::UTF8.GetBytes($text))
}

# ours, over our rules, and rest, over what may take away what they open.
function Get-FwPrints($Stores) {
	$blocks = New-Object Collections.Generic.List[string]
	foreach ($text in $Stores.local.texts) {
		if ($text.Contains('|Action=Block|') -and $text.Contains('|Active=TRUE|') -and -not $text.Contains('|Name=farmwall:')) { $blocks.Add($text) }
	}
	foreach ($text in $Stores.gpo.texts) {
		if ($text.Contains('|Action=Block|') -and $text.Contains('|Active=TRUE|')) { $blocks.Add($text) }
	}
	$blocks.Sort([StringComparer]::Ordinal)
	$numbers = New-Object Collections.Generic.List[string]
	foreach ($store in 'gpo', 'local') {
		foreach ($profile in $Stores[$store + 'Profiles'].GetEnumerator()) {
			foreach ($entry in $profile.Value.GetEnumerator()) {
				$numbers.Add($store + ' ' + $profile.Key + ' ' + $entry.Key + '=' + $entry.Value.ToString([Globalization.CultureInfo]::InvariantCulture))
			}
		}
	}
	$numbers.Sort([StringComparer]::Ordinal)
	$blocks.AddRange($numbers)
	return @{ ours = Get-FwOursPrint (Select-FwOurs $Stores.local); rest = Get-FwPrint $blocks.ToArray() }
}
