# farmwall change 1
param([byte[]]$Data, [string]$Connection, $Answer, [string]$Task, [long]$Lease)
$ErrorActionPreference = 'Stop'
# Steps 3 to 6: take the lease, stage and test the undo, arm the switch, write the rules.
# The same text, staged on the host, is what the two tasks run.

function Invoke-FwRequest {
	if ($Task) {
		Invoke-FwTask
		return
	}
	$fw.action = 'change'
	$request = Read-FwRequest 'run', 'controller', 'lease', 'ours', 'rest', 'window_ms', 'target', 'undo', 'digest'
	$fw.lease = $request['lease']
	$why = Enter-Fw
	if (-not $why -and (Get-FwService 'Schedule') -ne 'Running') {
		$why = 'the Task Scheduler (service Schedule) does not run, and without it nothing would take a change back; start it'
	}
	if (-not $why) {
		foreach ($name in 'BFE', 'MpsSvc') {
			if ((Get-FwService $name) -eq 'Stopped') { $why = "the firewall's service $name is stopped; start it" }
		}
	}
	if ($why) {
		Send-FwAnswer 'refused' $why
		return
	}
	if (-not (Lock-Fw 10)) {
		Send-FwTaken 'another script holds the lock'
		return
	}
	try { Invoke-FwChange $request } catch {
		# Before anything was changed, or what came of it was said already.
		Add-FwLog "$(Format-FwProblem $_) $($_.InvocationInfo.PositionMessage)"
		if ($fw.armed) { Send-FwFailed (Format-FwProblem $_) } else {
			Clear-FwStage
			Send-FwAnswer 'refused' (Format-FwProblem $_)
		}
	} finally { Unlock-Fw }
}

# Somebody else's change stands in the way.
function Send-FwTaken([string]$Message) {
	$lease = Read-FwLease
	if ($null -ne $lease) { $fw.lease = $lease['number'] }
	$fw.holder = Get-FwHolder $lease
	$fw.left = Get-FwLeft (Get-FwToken)
	Send-FwAnswer 'taken' $Message
}

# Has the switch undo, and says so.
function Send-FwFailed([string]$Message) {
	Remove-FwFiles "wait.$($fw.lease)"
	$fw.left = Get-FwLeft (Get-FwToken)
	Send-FwAnswer 'failed' $Message
}

function Invoke-FwChange($Request) {
	if (-not $fw.held) { throw "cannot write to $($fw.folder); is the disk full?" }
	Invoke-FwSettle

	# step 3
	$lease = Read-FwLease
	if ($null -eq $lease) { throw "$($fw.folder)\lease is damaged; put the number of the last change into it, as {`"number`":N}" }
	$token = Get-FwToken
	if ('armed', 'confirming', 'undoing' -ccontains $token.state) {
		Send-FwTaken "a change is $($token.state)"
		return
	}
	if ($lease['number'] -ne $Request['lease']) {
		Send-FwTaken "the lease has the number $($lease['number']), and $($Request['lease']) was seen"
		return
	}
	Clear-FwStage
	$now = Get-FwUptime
	Write-FwNote 'lease' ([ordered]@{
			format = 1; number = $lease['number'] + 1; run = $Request['run']; controller = $Request['controller']
			boot = [string](Get-FwBoot); taken = $now; deadline = $now + $Request['window_ms']
		})
	$fw.lease = $lease['number'] + 1
	# lease taken

	# step 4
	$stores = Read-FwStores
	$prints = Get-FwPrints $stores
	if ($prints.ours -ne $Request['ours'] -or $prints.rest -ne $Request['rest']) {
		Send-FwAnswer $(if ($prints.ours -ne $Request['ours']) { 'stale-ours' } else { 'stale-rest' }) ''
		return
	}
	$plan = New-FwPlan $Request['target'] $Request['undo'] (Get-FwOwned)
	Save-FwStage $Request $plan
	# undo staged

	# step 5
	Start-FwSwitch $Request['window_ms'] $Request['run']
	# switch ready

	# step 6
	$token = Get-FwToken
	if ($token.state -ne 'armed' -or $token.lease -ne $fw.lease -or $token.deadline - (Get-FwUptime) -lt $Request['window_ms'] / 2) {
		Remove-FwFiles "wait.$($fw.lease)"
		$fw.left = Get-FwLeft $token
		Send-FwAnswer 'too-late' 'more than half of the window had gone before the rules could be written'
		return
	}
	# about to write
	Write-FwRules $plan
	# written
	$fw.left = Get-FwLeft (Get-FwToken)
	$fw.ours = Get-FwOursPrint (Select-FwOurs (Read-FwRules $fwLocal))
	Send-FwAnswer 'applied' ''
}

# What earlier changes left; it is called with the lock held and no token alive.
function Clear-FwStage {
	$token = Get-FwToken
	if ('armed', 'confirming', 'undoing' -ccontains $token.state) { return }
	Remove-FwFiles 'before.*', 'target.*', 'undo.*', 'program.*', 'outcome.*', 'undone.*', 'confirmed.*', 'request.*', 'wait.*', 'ready.*', 'token.done', '*.new'
}

# All the space that undo and confirm will need is taken here.
function Save-FwStage($Request, $Plan) {
	$lease = $fw.lease
	$fw.undo = ConvertTo-FwBytes ([ordered]@{ format = 1; rules = @(foreach ($o in $Plan.owned) { [ordered]@{ name = $o.name; enabled = $o.enabled; text = $o.text } }) })
	# The text of all of this script.
	$ast = ${function:Invoke-FwRequest}.Ast
	while ($null -ne $ast.Parent) { $ast = $ast.Parent }
	$fw.program = [Text.Encoding]::UTF8.GetBytes($ast.Extent.Text)
	Write-FwBytes "undo.$lease" $fw.undo
	Write-FwBytes "program.$lease" $fw.program
	Write-FwBytes "target.$lease" (ConvertTo-FwBytes ([ordered]@{ format = 1; off = @(foreach ($o in $Plan.off) { if (-not $o.twin) { $o.name } }) }))
	$texts = Get-FwTextsHash @(foreach ($o in $Plan.owned) { $o.text })
	Write-FwBytes "before.$lease" (ConvertTo-FwBytes ([ordered]@{ ours = $Request['ours']; rest = $Request['rest']; digest = $Request['digest']; texts = $texts }))
	Write-FwBytes "outcome.$lease" ([byte[]]@())
}

# Makes the token, starts the switch and waits until it is ready.
function Start-FwSwitch([long]$Window, [string]$Run) {
	$lease = $fw.lease
	Write-FwBytes "wait.$lease" ([byte[]]@())
	$now = Get-FwUptime
	Write-FwNote 'token.armed' ([ordered]@{ lease = $lease; run = $Run; armed = $now; deadline = $now + $Window; boot = [string](Get-FwBoot) })
	# armed
	$program = Get-FwHash $fw.program
	$undo = Get-FwHash $fw.undo
	$problem = 'the switch did not become ready in time; the file log says why'
	try {
		$service = New-Object -ComObject Schedule.Service
		$null = $service.Connect()
		$folder = $service.GetFolder('\')
		$null = Register-FwTask $service $folder 'farmwall-boot' (Get-FwTaskArguments 'boot' $lease $program $undo) $true
		$task = Register-FwTask $service $folder 'farmwall-switch' (Get-FwTaskArguments 'switch' $lease $program $undo) $false
		# tasks registered
		$null = $task.Run($null)
		$end = (Get-FwUptime) + [Math]::Min(60000L, $Window / 2)
		while ((Get-FwUptime) -lt $end) {
			if (Test-FwFile "ready.$lease") {
				$fw.armed = $true
				return
			}
			Start-Sleep -Milliseconds 50
		}
	} catch { $problem = "the switch could not be started: $(Format-FwProblem $_)" }
	# Nothing was changed yet.
	if (Move-FwToken 'undoing' $lease) {
		$null = Rename-FwFile "outcome.$lease" "undone.$lease"
		Close-FwChange 'undoing' $lease
	}
	throw $problem
}
