# The undo: old rules as they were, new ones gone. It adds nothing, needs no space on the
# disk, and can be repeated.

# One pass over the rules. Undo lists all that were ours when the change was armed.
function Undo-FwRules($Undo, [long]$Lease) {
	$rules = Connect-FwRules
	$owned = Get-FwOwned
	$was = New-Object Collections.Hashtable ([StringComparer]::Ordinal)
	foreach ($old in $Undo['rules']) { $was[$old['name']] = 1 + $was[$old['name']] }
	# The one marked as enabled or not gets its name back last, so that this can be repeated.
	foreach ($now in $owned) {
		if ($now.name -cnotmatch "\A(.+) off $Lease [0-9]+ ([ed])\z") { continue }
		$name = $Matches[1]
		$enabled = $Matches[2] -ceq 'e'
		$rule = Find-FwRule $rules $now.name
		if ($null -eq $rule) { continue }
		$rule.Enabled = $enabled
		$rule.Name = $name
	}
	foreach ($old in $Undo['rules']) {
		if ($was[$old['name']] -ne 1) { continue } # twins were renamed before anything was done to them
		$rule = Find-FwRule $rules $old['name']
		if ($null -ne $rule -and [bool]$rule.Enabled -ne $old['enabled']) { $rule.Enabled = $old['enabled'] }
	}
	foreach ($now in $owned) {
		if ($now.name -cmatch "\Afarmwall:[^ ]+:$($Lease)(:[0-9]+)?\z" -and -not $was.ContainsKey($now.name)) {
			try { Remove-FwRule $rules $now.name } catch {
				# What it opens is closed at least.
				$rule = Find-FwRule $rules $now.name
				if ($null -ne $rule) { $rule.Enabled = $false }
				throw
			}
		}
	}
}

# The texts of rules as a multiset that can be compared: fields sorted, and without the
# version that the system writes in front.
function Format-FwTexts([string[]]$Texts) {
	$lines = New-Object Collections.Generic.List[string]
	foreach ($text in $Texts) {
		$fields = $text.Split([char[]]'|')
		$fields[0] = ''
		[Array]::Sort($fields, [StringComparer]::Ordinal)
		$lines.Add([string]::Join('|', $fields))
	}
	$lines.Sort([StringComparer]::Ordinal)
	# Both sides as what UTF-8 can say.
	return [Text.Encoding]::UTF8.GetString([Text.Encoding]::UTF8.GetBytes([string]::Join("`n", $lines.ToArray())))
}

# Whether our rules are again what they were when a change was armed.
function Test-FwBefore([long]$Lease) {
	$before = Read-FwNote "before.$Lease"
	if ($null -eq $before) { return $false }
	return (Get-FwTextsHash (Select-FwOurs (Read-FwRules $fwLocal))) -eq $before['texts']
}

function Get-FwTextsHash([string[]]$Texts) { return Get-FwHash ([Text.Encoding]::UTF8.GetBytes((Format-FwTexts $Texts))) }

# The same from the undo itself; the registry lags behind by up to 2 s.
function Test-FwUndone($Undo) {
	$want = Format-FwTexts @(foreach ($old in $Undo['rules']) { $old['text'] })
	$end = (Get-FwUptime) + 2000
	while ($true) {
		if ((Format-FwTexts (Select-FwOurs (Read-FwRules $fwLocal))) -ceq $want) { return $true }
		if ((Get-FwUptime) -ge $end) { return $false }
		Start-Sleep -Milliseconds 100
	}
}

# Undoes a change whose token is undoing, under the lock, and ends it; tries so long at
# most (s). Where somebody else touched our rules meanwhile, they may not be as they were
# even though all of this went well: who answers compares with the file before.
function Complete-FwUndo([long]$Lease, [int]$Seconds, $Undo) {
	$end = (Get-FwUptime) + 1000L * $Seconds
	$passes = 0
	while (-not (Test-FwFile "undone.$Lease")) {
		try {
			if ($null -eq $Undo) { $Undo = Read-FwNote "undo.$Lease" }
			if ($null -eq $Undo) {
				Add-FwLog "the undo of change $Lease is gone"
				return $false
			}
			Undo-FwRules $Undo $Lease
			$passes++
			if (Test-FwUndone $Undo) { break }
			Add-FwLog "undo of change $($Lease): our rules are not as they were"
			if ($passes -ge 3) { break }
		} catch {
			$fw.problem = Format-FwProblem $_
			Add-FwLog "undo of change $($Lease): $($fw.problem)"
			if ((Get-FwUptime) -ge $end) { return $false }
			Start-Sleep -Milliseconds 2000
		}
	}
	# undo loaded
	if (-not (Test-FwFile "undone.$Lease")) { $null = Rename-FwFile "outcome.$Lease" "undone.$Lease" }
	Close-FwChange 'undoing' $Lease
	Add-FwLog "change $Lease is undone"
	return $true
}

# The end of a change: token, tasks, files. The files stay as long as a task may look for them.
function Close-FwChange([string]$From, [long]$Lease) {
	Remove-FwFiles 'token.done'
	$null = Rename-FwFile "token.$From" 'token.done'
	# token done
	Clear-FwChange $Lease
}

function Clear-FwChange([long]$Lease) {
	Remove-FwFiles "wait.$Lease"
	try { Remove-FwTasks } catch {
		Add-FwLog "the tasks could not be deleted: $(Format-FwProblem $_)"
		return
	}
	Remove-FwFiles "undo.$Lease", "target.$Lease", "program.$Lease", "outcome.$Lease", "request.$Lease", "ready.$Lease", '*.new'
	# before, undone and confirmed stay until the next change: they say what became of this one.
}
