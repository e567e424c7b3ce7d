# The processes of the two tasks, and of the undo that is started where the switch does nothing.

function Invoke-FwTask {
	$fw.action = "$Task $Lease"
	$fw.folder = Get-FwFolder
	$undo = Read-FwJson ([Text.Encoding]::UTF8.GetString($Data))
	try {
		switch ($Task) {
			'switch' { Wait-FwWindow $Lease $undo }
			'undo' { Invoke-FwUndoNow $Lease $undo }
			'boot' { Invoke-FwBoot $Lease $undo }
		}
	} catch {
		Add-FwLog "$(Format-FwProblem $_) $($_.InvocationInfo.PositionMessage)"
		throw
	}
}

# Waits for the end of the window, or until somebody removes the file wait.
function Wait-FwWindow([long]$Lease, $Undo) {
	# All that the undo needs is loaded once before anything is changed.
	$rules = Connect-FwRules
	$null = Find-FwRule $rules 'farmwall: no rule has this name'
	$null = Test-FwUndone $Undo
	Write-FwNote "ready.$Lease" ([ordered]@{ process = $PID; start = Get-FwStart $PID })
	while ($true) {
		$token = Get-FwToken
		if ($token.lease -ne $Lease) { return }
		switch ($token.state) {
			'done' { return }
			'armed' {
				if (-not (Test-FwFile "wait.$Lease") -or (Get-FwUptime) -ge $token.deadline) { Invoke-FwUndoNow $Lease $Undo }
			}
			default {
				# Whoever renamed it may have died, and the firewall may be stopped for long.
				if ((Get-FwUptime) -ge $token.deadline + 5000 -and (Lock-Fw 0)) {
					try { Invoke-FwSettle } catch { Add-FwLog (Format-FwProblem $_) } finally { Unlock-Fw }
					Start-Sleep -Milliseconds 5000
				}
			}
		}
		Start-Sleep -Milliseconds 500
	}
}

# Renames first and takes the lock second.
function Invoke-FwUndoNow([long]$Lease, $Undo) {
	if (-not (Move-FwToken 'undoing' $Lease)) {
		$token = Get-FwToken
		if ($token.lease -ne $Lease -or $token.state -eq 'done' -or $Task -ne 'undo') { return }
	}
	Add-FwLog "undoing change $Lease"
	while (-not (Lock-FwNow)) { Add-FwLog 'the lock is not free yet' }
	try {
		$token = Get-FwToken
		if ($token.lease -eq $Lease -and $token.state -eq 'undoing') { $null = Complete-FwUndo $Lease 600 $Undo } elseif ($Task -eq 'undo') { Invoke-FwSettle }
	} finally { Unlock-Fw }
}

# A host that was switched off inside the window undoes at once; the firewall service may
# need its time to start.
function Invoke-FwBoot([long]$Lease, $Undo) {
	if (-not (Lock-Fw 60)) { throw 'the lock is not free' }
	try {
		$token = Get-FwToken
		if ($token.lease -ne $Lease -or $token.state -eq 'done') {
			if ($token.lease -le $Lease) { Clear-FwChange $Lease }
			return
		}
		if ($token.state -eq 'armed') {
			if (-not (Test-FwEarlier $token $token.armed) -and (Test-FwSwitchAlive $Lease)) { return }
			$null = Move-FwToken 'undoing' $Lease
		}
		$token = Get-FwToken
		if ($token.state -eq 'undoing') { $null = Complete-FwUndo $Lease 600 $Undo }
		if ($token.state -ne 'confirming') { return }
		$end = (Get-FwUptime) + 600000
		while ((Get-FwToken).state -eq 'confirming') {
			try { Invoke-FwSettle } catch {
				Add-FwLog (Format-FwProblem $_)
				if ((Get-FwUptime) -ge $end) { return }
				Start-Sleep -Milliseconds 2000
			}
		}
	} finally { Unlock-Fw }
}
