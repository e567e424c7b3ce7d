# Writing files, the lock, the race for the token, the log and the answer.

# The bytes are on the disk when this returns.
function Write-FwBytes([string]$Name, [byte[]]$Bytes) {
	$file = [IO.File]::Open((Get-FwPath $Name), 'Create', 'Write', 'ReadWrite, Delete')
	try {
		$file.Write($Bytes, 0, $Bytes.Length)
		$file.Flush($true)
	} finally { $file.Close() }
}

function ConvertTo-FwBytes($Note) { return , [Text.Encoding]::UTF8.GetBytes((Format-FwJson $Note)) }

# Writes a file whole or not at all.
function Write-FwNote([string]$Name, $Note) {
	Write-FwBytes "$Name.new" (ConvertTo-FwBytes $Note)
	Move-FwOver "$Name.new" $Name
}

# Renames a file over another one. Somebody, a virus scanner too, may have it open for a moment.
function Move-FwOver([string]$From, [string]$To) {
	$from_ = Get-FwPath $From
	$to_ = Get-FwPath $To
	for ($try = 1; ; $try++) {
		try {
			if ([IO.File]::Exists($to_)) { [IO.File]::Replace($from_, $to_, [NullString]::Value) } else { [IO.File]::Move($from_, $to_) }
			return
		} catch {
			if ($try -ge 40 -or -not [IO.File]::Exists($from_)) { throw }
			Start-Sleep -Milliseconds 50
		}
	}
}

# Renames a file to a name that is free; whether it was we who did it. Of several who
# try, one does.
function Rename-FwFile([string]$From, [string]$To) {
	$from_ = Get-FwPath $From
	$to_ = Get-FwPath $To
	for ($try = 1; ; $try++) {
		try {
			[IO.File]::Move($from_, $to_)
			return $true
		} catch {
			if (-not [IO.File]::Exists($from_) -or [IO.File]::Exists($to_) -or $try -ge 40) { return $false }
			Start-Sleep -Milliseconds 50
		}
	}
}

# Removes files as well as that goes now; a pattern that matches nothing is no error.
function Remove-FwFiles([string[]]$Patterns) {
	foreach ($pattern in $Patterns) {
		foreach ($file in [IO.Directory]::GetFiles($fw.folder, $pattern)) {
			try { [IO.File]::Delete($file) } catch { continue }
		}
	}
}

function Add-FwLog([string]$Text) {
	try {
		$path = Get-FwPath 'log'
		if ([IO.File]::Exists($path) -and (New-Object IO.FileInfo $path).Length -gt 200000) { [IO.File]::Delete($path) }
		$time = [DateTime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [Globalization.CultureInfo]::InvariantCulture)
		[IO.File]::AppendAllText($path, "$time $($fw.action): $Text`r`n")
	} catch { return } # a full disk must not stop an undo
}

# Takes the lock, a file that only one process can have open, and waits so long at most.
# It is free when its holder has ended, whatever killed it; the file holder stays then.
function Lock-Fw([double]$Seconds) {
	$end = (Get-FwUptime) + 1000 * $Seconds
	while ($true) {
		try {
			$fw.lock = [IO.File]::Open((Get-FwPath 'lock'), 'OpenOrCreate', 'ReadWrite', 'None')
			break
		} catch [IO.IOException] {
			if ((Get-FwUptime) -ge $end) { return $false }
			Start-Sleep -Milliseconds 50
		}
	}
	$fw.held = $true
	# Without it nobody could end this process; only a change has to be ended.
	try { Write-FwNote 'holder' ([ordered]@{ process = $PID; start = Get-FwStart $PID; action = $fw.action }) } catch { $fw.held = $false }
	return $true
}

function Unlock-Fw {
	if ($fw.lock) { $fw.lock.Close() }
	$fw.lock = $null
}

# Ends who holds the lock, with all that it started, if it is a change (or anybody, with all).
function Stop-FwHolder([bool]$All) {
	$holder = Read-FwNote 'holder'
	if ($null -eq $holder -or $holder['process'] -isnot [long] -or (-not $All -and $holder['action'] -ne 'change')) { return }
	if ($holder['process'] -eq $PID) { return }
	Add-FwLog "ending the $($holder['action']) that holds the lock, process $($holder['process'])"
	Stop-FwTree $holder['process'] ([string]$holder['start'])
}

# Takes the lock from a change that will not give it.
function Lock-FwNow {
	if (Lock-Fw 1) { return $true }
	Stop-FwHolder $false
	if (Lock-Fw 10) { return $true }
	Stop-FwHolder $true
	return Lock-Fw 60
}

# Renames the armed token of that change: who succeeds has won.
function Move-FwToken([string]$State, [long]$Lease) {
	$token = Get-FwToken
	if ($token.state -ne 'armed' -or $token.lease -ne $Lease) { return $false }
	if (-not (Rename-FwFile 'token.armed' "token.$State")) { return $false }
	$won = Read-FwNote "token.$State"
	if ($null -ne $won -and $won['lease'] -eq $Lease) { return $true }
	$null = Rename-FwFile "token.$State" 'token.armed' # of a later change: it was not ours to take
	return $false
}

# All that a request prints, once.
function Send-FwAnswer([string]$Result, [string]$Message) {
	if ($Message.Length -gt 2000) { $Message = $Message.Substring(0, 2000) }
	$text = Format-FwJson ([ordered]@{
			format = 1; result = $Result; lease = [long]$fw.lease; ours = [string]$fw.ours; left_ms = [long]$fw.left
			holder = [string]$fw.holder; message = $Message; unsaved = [string]$fw.unsaved
		})
	$bytes = [Text.Encoding]::UTF8.GetBytes($text)
	$Answer.Out.Write($bytes, 0, $bytes.Length)
	$Answer.Out.Flush()
}

# What a request has to hold: run, lease ... A value that is not as it should be ends it.
function Read-FwRequest([string[]]$Keys) {
	$request = Read-FwJson ([Text.Encoding]::UTF8.GetString($Data))
	if ($request -isnot [Collections.Hashtable] -or $request['format'] -ne 1) { throw 'the request has another format' }
	foreach ($key in $Keys) {
		$value = $request[$key]
		$good = switch ($key) {
			'run' { $value -is [string] -and $value -cmatch '\A[a-zA-Z0-9-]{1,64}\z' }
			'controller' { $value -is [string] -and $value -cmatch '\A[!-~]{1,200}\z' }
			'time' { $value -is [string] -and $value -cmatch '\A[0-9TZ:.+-]{1,40}\z' }
			'lease' { $value -is [long] -and $value -ge 0 }
			'window_ms' { $value -is [long] -and $value -gt 0 }
			{ 'ours', 'rest', 'digest' -contains $_ } { $value -is [string] -and $value -cmatch '\A[0-9a-f]{64}\z' }
			default { $value -is [Collections.Hashtable] -and $value['format'] -eq 1 }
		}
		if (-not $good) { throw "the request holds no good $key" }
	}
	return $request
}

# Why this process cannot do a request at all; empty where it can.
function Enter-Fw {
	if (-not (Test-FwAdmin)) { return 'only an administrator can change the firewall; over WinRM a local one needs LocalAccountTokenFilterPolicy' }
	$fw.folder = Get-FwFolder
	try { return Protect-FwFolder $fw.folder } catch { return "$($fw.folder) could not be made: $(Format-FwProblem $_)" }
}
