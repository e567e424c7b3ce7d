# Our two tasks in the task scheduler, and nobody else's.

function Connect-FwSchedule {
	$service = New-Object -ComObject Schedule.Service
	$null = $service.Connect()
	return $service.GetFolder('\')
}

# The task of that name; $null where there is none.
function Get-FwTask($Folder, [string]$Name) {
	try { return $Folder.GetTask($Name) } catch { if ((Get-FwCode $_) -ne '0x80070002') { throw } }
	return $null
}

# The names of our tasks that exist.
function Get-FwTasks {
	$folder = Connect-FwSchedule
	foreach ($name in 'farmwall-switch', 'farmwall-boot') { if ($null -ne (Get-FwTask $folder $name)) { $name } }
}

# A task of SYSTEM. It has no end boundary and is not deleted when it expires: a host that
# is off when the window ends still has to undo. It runs on batteries, and as long as it wants.
function Register-FwTask($Service, $Folder, [string]$Name, [string]$Arguments, [bool]$Boot) {
	$task = $Service.NewTask(0)
	$task.RegistrationInfo.Description = 'Takes a change of the firewall rules of farmwall back, unless it is confirmed'
	$task.Principal.UserId = 'S-1-5-18'
	$task.Principal.LogonType = 5
	$task.Principal.RunLevel = 1
	$settings = $task.Settings
	$settings.Enabled = $true
	$settings.AllowDemandStart = $true
	$settings.StartWhenAvailable = $true
	$settings.DisallowStartIfOnBatteries = $false
	$settings.StopIfGoingOnBatteries = $false
	$settings.RunOnlyIfIdle = $false
	$settings.ExecutionTimeLimit = 'PT0S'
	$settings.Priority = 4
	$settings.MultipleInstances = 0 # in parallel: that of an earlier change may still be ending
	if ($Boot) { $task.Triggers.Create(8).Enabled = $true }
	$action = $task.Actions.Create(0)
	$action.Path = Get-FwPowerShell
	$action.Arguments = $Arguments
	# 6: made anew or replaced; 5: the account of a service, which has no password.
	return $Folder.RegisterTaskDefinition($Name, $task, 6, 'SYSTEM', $null, 5)
}

function Get-FwPowerShell {
	return [IO.Path]::Combine([Environment]::GetFolderPath('System'), 'WindowsPowerShell', 'v1.0', 'powershell.exe')
}

# What a task runs: the staged program, if it and the undo are still what they were. Its
# name carries the number of the change, so an old task finds nothing of a later one.
function Get-FwTaskArguments([string]$Task, [long]$Lease, [string]$Program, [string]$Undo) {
	$folder = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($fw.folder))
	$text = "function Invoke-FwStaged {$(${function:Invoke-FwStaged})}`n" +
		"Invoke-FwStaged $folder $Task $Lease $Program $Undo"
	return '-NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand ' + [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($text))
}

# This function's text stands in the command line of a task, where nothing else is defined.
function Invoke-FwStaged {
	param([string]$Folder, [string]$Task, [long]$Lease, [string]$Program, [string]$Undo)
	$ErrorActionPreference = 'Stop'
	$ProgressPreference = 'SilentlyContinue'
	$Folder = [Text.Encoding]::Unicode.GetString([Convert]::FromBase64String($Folder))
	$read = {
		param([string]$Name, [string]$Hash)
		$bytes = [IO.File]::ReadAllBytes([IO.Path]::Combine($Folder, "$Name.$Lease"))
		$sha = New-Object Security.Cryptography.SHA256CryptoServiceProvider
		if ([BitConverter]::ToString($sha.ComputeHash($bytes)).Replace('-', '') -ne $Hash) {
			throw "$Name.$Lease is not what the change was armed with"
		}
		, $bytes
	}
	$body = & $read 'program' $Program
	$data = & $read 'undo' $Undo
	& ([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString($body))) $data '' $null $Task $Lease | Out-Null
}

# Both tasks go; what is not there is no error. A task that runs goes on to its end.
function Remove-FwTasks {
	$folder = Connect-FwSchedule
	foreach ($name in 'farmwall-boot', 'farmwall-switch') {
		try { $null = $folder.DeleteTask($name, 0) } catch { if ((Get-FwCode $_) -ne '0x80070002') { throw } }
	}
}
