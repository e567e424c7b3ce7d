# farmwall export 1
param([byte[]]$Data, [string]$Connection, $Answer)
$ErrorActionPreference = 'Stop'
# Makes the rules of a file true of this host, without a controller: a person runs it. What
# is right stays, what is missing comes, what is ours and not wanted goes. Nothing takes
# it back by itself.

function Invoke-FwRequest {
	$fw.action = 'export'
	$request = Read-FwJson ([Text.Encoding]::UTF8.GetString($Data))
	if ($request -isnot [Collections.Hashtable] -or $request['format'] -ne 1) { throw 'this file has another format' }
	$why = Enter-Fw
	foreach ($name in 'BFE', 'MpsSvc') {
		if (-not $why -and (Get-FwService $name) -eq 'Stopped') { $why = "the firewall's service $name is stopped; start it" }
	}
	if (-not $why -and -not (Lock-Fw 10)) { $why = 'another script of farmwall is at work on this host' }
	if ($why) { throw $why }
	try { Invoke-FwExport ([string]$request['farm']) $request['add'] } finally { Unlock-Fw }
}

function Invoke-FwExport([string]$Farm, $Wanted) {
	$token = Get-FwToken
	if ('armed', 'confirming', 'undoing' -ccontains $token.state) { throw "the change of run $($token['run']) is $($token.state); wait until it has ended" }
	$lease = Read-FwLease
	if ($null -eq $lease) { throw "$($fw.folder)\lease is damaged" }
	$owned = Get-FwOwned
	$number = [long]$lease['number']
	foreach ($o in $owned) {
		if ($o.name -cmatch '\Afarmwall:([a-z0-9-]{1,32}):[a-z0-9.-]{1,64}:[0-9a-f]{8}:([0-9]{1,18})(:[0-9]+)?\z') {
			if ($Matches[1] -cne $Farm) { throw "this host carries rules of farm $($Matches[1])" }
			$number = [Math]::Max($number, [long]$Matches[2])
		}
	}
	$fw.lease = $number + 1
	$rules = Connect-FwRules
	$new = @(foreach ($addition in $Wanted) {
			$made = New-FwRule $addition $fw.lease
			$made.mark = [string]$addition['mark']
			$made.part = [long]$addition['part']
			$made
		})
	# The next change of a controller must not give a name again.
	Write-FwNote 'lease' ([ordered]@{ number = $fw.lease; run = ''; controller = ''; boot = [string](Get-FwBoot); taken = [long](Get-FwUptime) })
	$kept = Measure-FwNames @()
	$add = @(foreach ($n in $new) {
			$like = Find-FwLike $rules $owned $n
			if ($like) { $kept[$like] = 1 } else { $n }
		})
	foreach ($n in $add) {
		Add-FwRule $rules $n
		Write-Output "+ $($n.name)"
	}
	foreach ($o in $owned) {
		if ($kept.ContainsKey($o.name)) { continue }
		Remove-FwRule $rules $o.name
		Write-Output "- $($o.name)"
	}
	Write-Output "$($kept.Count) of $(@($Wanted).Count) rules were right, $($add.Count) came"
}

# The name of a rule of ours that stands as the wanted one would; empty where none does. One
# that has a twin is none.
function Find-FwLike($Rules, $Owned, $New) {
	foreach ($o in $Owned) {
		$end = ':[0-9]+'
		if ($New.part -gt 0) { $end += ":$($New.part)" }
		if (-not $o.enabled -or $o.name -cnotmatch ('\A' + [regex]::Escape($New.mark) + $end + '\z')) { continue }
		if (@($Owned | Where-Object { $_.name -ceq $o.name }).Count -ne 1) { continue }
		$rule = Find-FwRule $Rules $o.name
		if ($null -eq $rule) { continue }
		$same = $true
		foreach ($key in 'Protocol', 'LocalPorts', 'RemotePorts', 'LocalAddresses', 'RemoteAddresses', 'IcmpTypesAndCodes', 'Direction', 'Action',
			'Profiles', 'InterfaceTypes', 'ApplicationName', 'serviceName', 'Interfaces') {
			$want = $New.rule.$key
			$have = $rule.$key
			if ($null -eq $want -or $null -eq $have) { $same = $same -and [string]$want -ceq [string]$have }
			else { $same = $same -and (Test-FwSame $key $want $have) }
		}
		if ($same) { return $o.name }
	}
	return ''
}
