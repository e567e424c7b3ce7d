# farmwall confirm 1
param([byte[]]$Data, [string]$Connection, $Answer)
$ErrorActionPreference = 'Stop'
# Steps 8 to 10: stage the record, win the token, remove what went off.

function Invoke-FwRequest {
	$fw.action = 'confirm'
	$request = Read-FwRequest 'run', 'controller', 'lease', 'time'
	$fw.lease = $request['lease']
	$why = Enter-Fw
	if ($why) {
		Send-FwAnswer 'refused' $why
		return
	}
	try { Invoke-FwConfirm $request } finally { Unlock-Fw }
}

function Invoke-FwConfirm($Request) {
	$lease = $Request['lease']
	$token = Get-FwToken
	$state = $token.state
	if ($token.lease -ne $lease) { $state = '' }
	if ($state -eq '') {
		$other = Read-FwLease
		$fw.holder = Get-FwHolder $other
		if ($null -ne $other) { $fw.lease = $other['number'] }
		Send-FwAnswer 'too-late' "no change $lease is armed here: it was undone, or never made"
		return
	}
	if ($token.run -cne $Request['run']) {
		$fw.left = Get-FwLeft $token
		Send-FwAnswer 'refused' "change $lease is of run $($token.run)"
		return
	}
	if ($state -eq 'undoing') {
		Send-FwAnswer 'too-late' 'the switch is undoing the change'
		return
	}
	if ($state -eq 'armed') {
		if ((Test-FwEarlier $token $token.armed) -or (Get-FwUptime) -ge $token.deadline) {
			Send-FwAnswer 'too-late' 'the window has gone'
			return
		}
		# step 8
		try {
			$before = Read-FwNote "before.$lease"
			if ($null -eq $before) { throw "what change $lease found is gone from $($fw.folder)" }
			Write-FwBytes 'record.new' (ConvertTo-FwBytes ([ordered]@{
						format = 1; run = $Request['run']; controller = $Request['controller']; digest = [string]$before['digest']; time = $Request['time']
					}))
			# Nobody looks at it before the token is won.
			Write-FwBytes "request.$lease" ([byte[]]@())
		} catch {
			$fw.left = Get-FwLeft (Get-FwToken)
			Send-FwAnswer 'refused' (Format-FwProblem $_)
			return
		}
		# record staged

		# step 9
		if (-not (Move-FwToken 'confirming' $lease)) {
			$token = Get-FwToken
			if ($token.lease -ne $lease -or $token.state -eq 'armed' -or $token.state -eq 'undoing' -or -not (Test-FwFile "confirmed.$lease")) {
				$fw.left = Get-FwLeft $token
				Send-FwAnswer 'too-late' 'the switch was faster'
				return
			}
		}
		# confirm won
	}

	# step 10
	$end = (Get-FwUptime) + 120000
	while (-not (Lock-Fw 30)) {
		$token = Get-FwToken
		if ($token.lease -ne $lease -or $token.state -ne 'confirming' -or (Get-FwUptime) -ge $end) { break }
		Stop-FwHolder $false
	}
	$token = Get-FwToken
	if ($token.lease -eq $lease -and $token.state -eq 'confirming') {
		if (-not $fw.lock) {
			Send-FwAnswer 'pending' 'the change is confirmed and has to be finished: another script holds the lock'
			return
		}
		try { Complete-FwConfirm $lease } catch {
			Add-FwLog (Format-FwProblem $_)
			Send-FwAnswer 'pending' "the change is confirmed and has to be finished: $(Format-FwProblem $_)"
			return
		}
	}
	if (Test-FwFile "confirmed.$lease") {
		$fw.ours = Get-FwOursPrint (Select-FwOurs (Read-FwRules $fwLocal))
		Send-FwAnswer 'confirmed' ''
	} else { Send-FwAnswer 'too-late' 'the change was undone' }
}
