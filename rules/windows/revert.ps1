# farmwall revert 1
param([byte[]]$Data, [string]$Connection, $Answer)
$ErrorActionPreference = 'Stop'
# Has the switch undo now. Where nothing happens within 3 s the same undo is started
# outside this session, which the undo may cut off.

function Invoke-FwRequest {
	$fw.action = 'revert'
	$request = Read-FwRequest 'run', 'lease'
	$lease = $request['lease']
	$fw.lease = $lease
	$why = Enter-Fw
	if ($why) {
		Send-FwAnswer 'refused' $why
		return
	}
	$token = Get-FwToken
	if ($token.lease -ne $lease) {
		$other = Read-FwLease
		$fw.holder = Get-FwHolder $other
		if ($null -ne $other) { $fw.lease = $other['number'] }
		if ($token.state -eq '') { Send-FwAnswer 'pending' 'the host knows of no change' } else { Send-FwAnswer 'taken' "the last change here has the number $($token.lease)" }
		return
	}
	Remove-FwFiles "wait.$lease"
	if (-not (Wait-FwToken $lease 3 'confirming', 'undoing', 'done') -or -not (Wait-FwToken $lease 7 'done')) {
		Start-FwUndo $lease
		$null = Wait-FwToken $lease 30 'done'
	}
	$token = Get-FwToken
	$fw.left = Get-FwLeft $token
	if ($token.lease -ne $lease) { Send-FwAnswer 'taken' "the last change here has the number $($token.lease)" }
	elseif ($token.state -eq 'done' -and (Test-FwFile "confirmed.$lease")) { Send-FwAnswer 'too-late' 'the change was confirmed' }
	elseif ($token.state -ne 'done') { Send-FwAnswer 'pending' "the change is still $($token.state)" }
	elseif (Test-FwBefore $lease) {
		$fw.ours = Get-FwOursPrint (Select-FwOurs (Read-FwRules $fwLocal))
		Send-FwAnswer 'undone' ''
	} else { Send-FwAnswer 'pending' 'the undo was made, and what is ours is not as it was before' }
}

# Waits until the token of the change has one of the states.
function Wait-FwToken([long]$Lease, [int]$Seconds, [string[]]$States) {
	$end = (Get-FwUptime) + 1000 * $Seconds
	while ($true) {
		$token = Get-FwToken
		if ($token.lease -ne $Lease) { return $false }
		if ($States -ccontains $token.state) { return $true }
		if ((Get-FwUptime) -ge $end) { return $false }
		Start-Sleep -Milliseconds 100
	}
}

# The undo in a process that no session owns: by the scheduler's service, else by WMI's.
function Start-FwUndo([long]$Lease) {
	$files = foreach ($name in 'program', 'undo') {
		try { Get-FwHash ([IO.File]::ReadAllBytes((Get-FwPath "$name.$Lease"))) } catch { return }
	}
	$arguments = Get-FwTaskArguments 'undo' $Lease $files[0] $files[1]
	try {
		$service = New-Object -ComObject Schedule.Service
		$null = $service.Connect()
		$null = (Register-FwTask $service $service.GetFolder('\') 'farmwall-switch' $arguments $false).Run($null)
		if (Wait-FwToken $Lease 10 'done') { return }
	} catch { Add-FwLog "the undo could not be started as a task: $(Format-FwProblem $_)" }
	try { Start-FwProcess "`"$(Get-FwPowerShell)`" $arguments" } catch { Add-FwLog "the undo could not be started: $(Format-FwProblem $_)" }
}
