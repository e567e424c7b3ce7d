# What finishes either of the two ends of a change, with the lock held; each step can be repeated.

# Step 10: what went off goes, the record says what is there.
function Complete-FwConfirm([long]$Lease) {
	if (-not (Test-FwFile "confirmed.$Lease")) {
		$target = Read-FwNote "target.$Lease"
		if ($null -eq $target) { throw "what change $Lease made is gone from $($fw.folder)" }
		$rules = Connect-FwRules
		foreach ($name in $target['off']) { Remove-FwRule $rules $name }
		foreach ($now in (Get-FwOwned)) {
			if ($now.name -cmatch "\A.+ off $Lease [0-9]+ [ed]\z") { Remove-FwRule $rules $now.name }
		}
		# old rules removed
		$end = (Get-FwUptime) + 2000
		while ($null -ne ($stays = Find-FwLeftover $target['off'] $Lease)) {
			if ((Get-FwUptime) -ge $end) { throw "a rule that was removed is still there: $stays" }
			Start-Sleep -Milliseconds 100
		}
		if (Test-FwFile 'record.new') { Move-FwOver 'record.new' 'record' }
		# record written
		$null = Rename-FwFile "outcome.$Lease" "confirmed.$Lease"
	}
	# confirmed
	Close-FwChange 'confirming' $Lease
}

# The name of a rule that should have gone; $null where all have.
function Find-FwLeftover($Off, [long]$Lease) {
	foreach ($now in (Get-FwOwned)) {
		if ($Off -ccontains $now.name -or $now.name -cmatch "\A.+ off $Lease [0-9]+ [ed]\z") { return $now.name }
	}
	return $null
}

function Test-FwSwitchAlive([long]$Lease) {
	$ready = Read-FwNote "ready.$Lease"
	if ($null -eq $ready -or $ready['process'] -isnot [long]) { return $false }
	$began = Get-FwStart $ready['process']
	if ($began -eq '?') { return $true }
	return $began -and $ready['start'] -match '\A[0-9]+\z' -and [Math]::Abs([long]$began - [long]$ready['start']) -le 10000000
}

# Finishes what a token found confirming or undoing began, and what an armed one whose
# switch has died should have come to. An error says what could not be finished.
function Invoke-FwSettle {
	$token = Get-FwToken
	switch ($token.state) {
		'confirming' {
			# Without what the confirm stages before it renames, nobody confirmed this.
			if ((Test-FwFile "request.$($token.lease)") -or (Test-FwFile "confirmed.$($token.lease)")) {
				Complete-FwConfirm $token.lease
			} elseif (Rename-FwFile 'token.confirming' 'token.undoing') { Complete-FwUndoOrFail $token.lease }
		}
		'undoing' { Complete-FwUndoOrFail $token.lease }
		'armed' {
			$gone = (Test-FwEarlier $token $token.armed) -or -not (Test-FwSwitchAlive $token.lease) -or (Get-FwUptime) -ge $token.deadline + 60000
			# It may still have to start, unless it is not wanted any more.
			$over = (Test-FwEarlier $token $token.armed) -or (Get-FwUptime) -ge $token.deadline -or
			(Test-FwFile "ready.$($token.lease)") -or -not (Test-FwFile "wait.$($token.lease)")
			if ($gone -and $over) {
				Add-FwLog "the switch of change $($token.lease) has died"
				if (Move-FwToken 'undoing' $token.lease) { Complete-FwUndoOrFail $token.lease }
			}
		}
	}
}

function Complete-FwUndoOrFail([long]$Lease) {
	$fw.problem = "its undo is gone from $($fw.folder)"
	if (-not (Complete-FwUndo $Lease 6)) { throw "change $Lease could not be undone: $($fw.problem)" }
}
