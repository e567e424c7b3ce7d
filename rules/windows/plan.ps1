# What one change does to the rules, worked out and tested before anything is armed.

# owned: all that is ours; add: new rules, whole; off: rules that go, each with its name
# (what it will have), its name now, and whether it is a block rule.
function New-FwPlan($Target, $Undo, $Owned) {
	if ($Target['refuse']) { throw [string]$Target['refuse'] }
	# Ours was compared: what we read is what the controller's undo has to be made of.
	$sent = @(foreach ($old in $Undo['rules']) { [string]$old['text'] })
	if ((Get-FwTextsHash $sent) -ne (Get-FwTextsHash @(foreach ($o in $Owned) { $o.text }))) { throw 'the undo that was sent is not what is here' }
	$keep = Measure-FwNames $Target['keep']
	$off = Measure-FwNames $Target['off']
	if ($Target['all']) {
		$keep = Measure-FwNames @()
		$off = Measure-FwNames @(foreach ($o in $Owned) { $o.name })
	}
	$here = New-Object 'Collections.Generic.Dictionary[string,object]' ([StringComparer]::Ordinal)
	foreach ($o in $Owned) {
		if (-not $here.ContainsKey($o.name)) { $here[$o.name] = New-Object Collections.ArrayList }
		$null = $here[$o.name].Add($o)
	}
	$plan = @{ owned = $Owned; add = @(); off = New-Object Collections.ArrayList; keep = $keep }
	$rules = Connect-FwRules
	foreach ($name in @($keep.Keys) + @($off.Keys)) {
		if (-not $here.ContainsKey($name)) { throw "the rule $name is not here" }
		if ($null -eq (Find-FwRule $rules $name)) { throw "the registry holds the rule $name, and the firewall does not know it" }
	}
	$number = 0
	foreach ($name in $here.Keys) {
		$twins = $here[$name]
		$goes = [int]$off[$name]
		if ([int]$keep[$name] + $goes -ne $twins.Count) { throw "there are $($twins.Count) rules called $name, and the plan speaks of $([int]$keep[$name] + $goes)" }
		if ($goes -eq 0) { continue }
		$texts = @{}
		foreach ($twin in $twins) { $texts[(Format-FwTexts @($twin.text))] = 1 }
		if ($keep[$name] -and $texts.Count -gt 1) { throw "the rules called $name are not alike, and by their name the firewall cannot tell them apart" }
		$block = $twins[0].text.Contains('|Action=Block|')
		for ($i = 0; $i -lt $goes; $i++) {
			$number++
			$now = @{ now = $name; name = $name; twin = $twins.Count -gt 1; number = $number; block = $block }
			$null = $plan.off.Add($now)
		}
	}
	$names = Measure-FwNames @()
	$plan.add = @(foreach ($addition in $Target['add']) {
			$new = New-FwRule $addition $fw.lease
			if ($here.ContainsKey($new.name) -or $names.ContainsKey($new.name)) { throw "there is a rule called $($new.name) already" }
			$names[$new.name] = 1
			$new
		})
	return $plan
}

# How often each name occurs.
function Measure-FwNames($Names) {
	$count = New-Object Collections.Hashtable ([StringComparer]::Ordinal)
	foreach ($name in $Names) { $count[[string]$name] = 1 + $count[[string]$name] }
	return $count
}

# Writes the rules: what blocks goes first and comes last, so that nothing is closed that
# both sides want open.
function Write-FwRules($Plan) {
	$rules = Connect-FwRules
	foreach ($off in $Plan.off) { if ($off.block) { Disable-FwRule $rules $off } }
	foreach ($new in $Plan.add) { if (-not $new.block) { Add-FwRule $rules $new } }
	foreach ($off in $Plan.off) { if (-not $off.block) { Disable-FwRule $rules $off } }
	foreach ($new in $Plan.add) { if ($new.block) { Add-FwRule $rules $new } }
	# all written
	$want = Get-FwWanted $Plan
	$end = (Get-FwUptime) + 2000
	while ($true) {
		$have = New-Object Collections.Generic.List[string]
		foreach ($now in (Get-FwOwned)) { $have.Add("$($now.name)|$($now.enabled)") }
		$have.Sort([StringComparer]::Ordinal)
		if ([string]::Join("`n", $have.ToArray()) -ceq $want) { return }
		if ((Get-FwUptime) -ge $end) { throw 'the rules that are read back are not those that were written' }
		Start-Sleep -Milliseconds 100
	}
}

function Add-FwRule($Rules, $New) {
	try { $null = $Rules.Add($New.rule) } catch { throw "$($New.name) was not added: $(Format-FwProblem $_)" }
	# one added
}

# A twin gets a name of its own first; which of the twins it is does not matter.
function Disable-FwRule($Rules, $Off) {
	try {
		$rule = Find-FwRule $Rules $Off.now
		if ($null -eq $rule) { throw 'it is not there any more' }
		if ($Off.twin) {
			$sign = 'd'
			if ($rule.Enabled) { $sign = 'e' }
			$Off.name = "$($Off.now) off $($fw.lease) $($Off.number) $sign"
			$rule.Name = $Off.name
		}
		if ($rule.Enabled) { $rule.Enabled = $false }
	} catch { throw "$($Off.now) was not disabled: $(Format-FwProblem $_)" }
	# one disabled
}

# Our rules as they have to be read back: names, and whether they are enabled.
function Get-FwWanted($Plan) {
	$want = New-Object Collections.Generic.List[string]
	$kept = New-Object Collections.Hashtable ([StringComparer]::Ordinal)
	foreach ($o in $Plan.owned) {
		# Where some of several twins are kept, they are alike.
		if ([int]$kept[$o.name] -ge [int]$Plan.keep[$o.name]) { continue }
		$kept[$o.name] = 1 + $kept[$o.name]
		$want.Add("$($o.name)|$($o.enabled)")
	}
	foreach ($off in $Plan.off) { $want.Add("$($off.name)|False") }
	foreach ($new in $Plan.add) { $want.Add("$($new.name)|$($new.enabled)") }
	$want.Sort([StringComparer]::Ordinal)
	return [string]::Join("`n", $want.ToArray())
}
