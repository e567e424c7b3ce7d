# farmwall recover 1
param([byte[]]$Data, [string]$Connection, $Answer)
$ErrorActionPreference = 'Stop'
# Finishes, under the lock, what is unfinished, and says what there is.

function Invoke-FwRequest {
	$fw.action = 'recover'
	$null = Read-FwRequest @()
	$why = Enter-Fw
	if ($why) {
		Send-FwAnswer 'refused' $why
		return
	}
	$lease = Read-FwLease
	if ($null -ne $lease) { $fw.lease = $lease['number'] }
	$fw.holder = Get-FwHolder $lease
	if (-not (Lock-Fw 5)) {
		$fw.left = Get-FwLeft (Get-FwToken)
		Send-FwAnswer 'pending' 'another script holds the lock'
		return
	}
	try {
		$earlier = (Get-FwToken).state
		$problem = ''
		try { Invoke-FwSettle } catch { $problem = Format-FwProblem $_ }
		$token = Get-FwToken
		$fw.left = Get-FwLeft $token
		if ('armed', 'undoing', 'confirming' -ccontains $token.state) { Send-FwAnswer 'pending' "the change is $($token.state). $problem".Trim() }
		elseif ($earlier -eq '' -or $earlier -eq 'done') {
			# A task that a crash left behind.
			if ($token.state -eq 'done') { Clear-FwChange $token.lease }
			Send-FwAnswer 'idle' $problem
		} elseif (Test-FwFile "confirmed.$($token.lease)") { Send-FwAnswer 'confirmed' '' }
		else { Send-FwAnswer 'undone' '' }
	} finally { Unlock-Fw }
}
