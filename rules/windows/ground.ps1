# Files, clock, lease, token and record: what all parts of a change stand on. $fw holds
# what a script knows while it runs.

function Get-FwPath([string]$Name) { return [IO.Path]::Combine($fw.folder, $Name) }

# The HRESULT of an error, as 0x........
function Get-FwCode($Problem) {
	$base = $Problem
	if ($Problem -is [Management.Automation.ErrorRecord]) { $base = $Problem.Exception }
	return '0x{0:X8}' -f [Runtime.InteropServices.Marshal]::GetHRForException($base.GetBaseException())
}

# An error for people: what is known of it in every language first.
function Format-FwProblem($Problem) {
	if ($Problem.Exception.WasThrownFromThrowStatement) { return [string]$Problem.Exception.Message } # our own words
	$code = Get-FwCode $Problem
	$known = @{
		'0x80070005' = 'access denied'
		'0x800706D9' = 'the firewall service does not answer; is it stopped?'
		'0x80070057' = 'a value is not valid'
		'0x80070070' = 'the disk is full'
		'0x80070027' = 'the disk is full'
	}[$code]
	$text = [string]$Problem.Exception.GetBaseException().Message
	if ($known) { $text = "$known ($text)" }
	return "$($code): $text"
}

# A file of ours as text; $null where there is none. It stays open to all meanwhile, so
# that nobody's rename has to wait.
function Read-FwFile([string]$Name) {
	$path = Get-FwPath $Name
	for ($try = 1; ; $try++) {
		try {
			$file = [IO.File]::Open($path, 'Open', 'Read', 'ReadWrite, Delete')
			break
		} catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException] { return $null } catch [IO.IOException], [UnauthorizedAccessException] {
			if ($try -ge 20) { throw }
			Start-Sleep -Milliseconds 50
		}
	}
	try { return (New-Object IO.StreamReader $file, ([Text.Encoding]::UTF8)).ReadToEnd() } finally { $file.Close() }
}

# What a file of ours says, as JSON; $null where it is missing or damaged.
function Read-FwNote([string]$Name) {
	$text = Read-FwFile $Name
	if ($null -eq $text) { return $null }
	try { $note = Read-FwJson $text } catch { return $null }
	if ($note -is [Collections.Hashtable]) { return $note }
	return $null
}

function Test-FwFile([string]$Name) { return [IO.File]::Exists((Get-FwPath $Name)) }

# The lease: number 0 where none was ever taken, $null where the file is damaged. The one
# beside it is whole, too: its writer died before it could rename it.
function Read-FwLease {
	$lease = Read-FwNote 'lease'
	if ($null -eq $lease) {
		if (-not (Test-FwFile 'lease') -and -not (Test-FwFile 'lease.new')) { return @{ number = 0L; run = ''; controller = '' } }
		$lease = Read-FwNote 'lease.new'
	}
	if ($null -eq $lease -or $lease['number'] -isnot [long] -or $lease['number'] -lt 0) { return $null }
	return $lease
}

# Who took the lease, for people.
function Get-FwHolder($Lease) {
	if ($null -eq $Lease -or -not $Lease['run']) { return '' }
	return "$($Lease['controller']) run $($Lease['run'])"
}

# The last change: state ('' where there is none), lease, run, deadline ... States are
# looked at in the order in which they follow each other, so that none is missed.
function Get-FwToken {
	foreach ($state in 'armed', 'confirming', 'undoing', 'done', 'armed') {
		$token = Read-FwNote "token.$state"
		if ($null -ne $token -and $token['lease'] -is [long] -and $token['deadline'] -is [long]) {
			$token['state'] = $state
			return $token
		}
	}
	return @{ state = ''; lease = -1L; run = ''; boot = ''; armed = 0L; deadline = 0L }
}

# Whether something was written before the host was started last.
function Test-FwEarlier($Note, [long]$Then) {
	$boot = Get-FwBoot
	return ($boot -and $Note['boot'] -and $boot -ne $Note['boot']) -or $Then -gt (Get-FwUptime)
}

# How long the switch still waits, in ms.
function Get-FwLeft($Token) {
	if ($Token.state -ne 'armed' -or (Test-FwEarlier $Token $Token.armed)) { return 0L }
	return [Math]::Max(0L, $Token.deadline - (Get-FwUptime))
}
