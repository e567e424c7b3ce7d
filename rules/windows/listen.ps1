# farmwall listen 1
param([byte[]]$Data, [string]$Connection, $Answer)
$ErrorActionPreference = 'Stop'
# Says what this host waits on, and waits on more for a short time. The request: do ('list',
# 'open' or 'close'), nonce, life_s, and ends, each [PROTOCOL, ADDRESS, PORT]. The answer: waits,
# each [PROTOCOL, ADDRESS, PORT]; opened, for each end 'yes' or why not; cannot; closed.
#
# The listeners are a process of their own, which ends with its time and as soon as the
# file listen.NONCE has gone, whatever becomes of who asked.

# The listening process. This function's text is all that it has, and it reads from
# the file: a line with the time in seconds, then "PROTOCOL ADDRESS PORT" for each end.
function Invoke-FwListening {
	param([string]$Folder, [string]$Nonce)
	$ErrorActionPreference = 'Stop'
	$ProgressPreference = 'SilentlyContinue'
	$clock = [Diagnostics.Stopwatch]::StartNew()
	$file = [IO.Path]::Combine($Folder, "listen.$Nonce")
	$note = [IO.Path]::Combine($Folder, "listening.$Nonce")
	$lines = [IO.File]::ReadAllLines($file)
	$text = New-Object Text.StringBuilder
	$null = $text.Append("$PID`n")
	$sockets = New-Object Collections.ArrayList
	for ($i = 1; $i -lt $lines.Length; $i++) {
		$part = $lines[$i].Split([char[]]' ')
		$address = [Net.IPAddress]::Parse($part[1])
		$said = ''
		# An address that is translated on the way is not the own one of this host.
		foreach ($at in $address, $(if ([string]$address.AddressFamily -eq 'InterNetwork') { [Net.IPAddress]::Any } else { [Net.IPAddress]::IPv6Any })) {
			$type = @('Dgram', 'Udp')
			if ($part[0] -ceq 'tcp') { $type = @('Stream', 'Tcp') }
			$socket = New-Object Net.Sockets.Socket $address.AddressFamily, $type[0], $type[1]
			try {
				$socket.ExclusiveAddressUse = $true
				$socket.Bind((New-Object Net.IPEndPoint $at, ([int]$part[2])))
				if ($part[0] -ceq 'tcp') { $socket.Listen(100) }
				$null = $sockets.Add($socket)
				$said = 'yes'
				break
			} catch {
				$socket.Close()
				$code = ''
				try { $code = [string]$_.Exception.GetBaseException().SocketErrorCode } catch { $code = '' }
				$said = $code
				if ($code -eq 'AddressAlreadyInUse' -or $code -eq 'AccessDenied') { $said = 'taken' }
				if ($code -ne 'AddressNotAvailable') { break }
			}
		}
		$null = $text.Append("$said`n")
	}
	[IO.File]::WriteAllText("$note.new", $text.ToString())
	[IO.File]::Move("$note.new", $note)
	$words = [Text.Encoding]::ASCII.GetBytes("farmwall $Nonce`n")
	$bytes = New-Object byte[] 2000
	while ($sockets.Count -and $clock.Elapsed.TotalSeconds -lt [int]$lines[0] -and [IO.File]::Exists($file)) {
		$ready = New-Object Collections.ArrayList
		$null = $ready.AddRange($sockets)
		[Net.Sockets.Socket]::Select($ready, $null, $null, 250000)
		foreach ($socket in $ready) {
			try {
				if ([string]$socket.SocketType -eq 'Stream') {
					$came = $socket.Accept()
					try { $null = $came.Send($words) } finally { $came.Close() }
					continue
				}
				$from = $socket.LocalEndPoint
				$n = $socket.ReceiveFrom($bytes, [ref]$from)
				# Two of our listeners must not talk to each other for ever.
				if ($n -lt 9 -or [Text.Encoding]::ASCII.GetString($bytes, 0, 9) -cne 'farmwall ') { $null = $socket.SendTo($words, $from) }
			} catch [Net.Sockets.SocketException] { continue }
		}
	}
	foreach ($socket in $sockets) { $socket.Close() }
	foreach ($old in $file, $note, [IO.Path]::Combine($Folder, "listener.$Nonce")) { try { [IO.File]::Delete($old) } catch { continue } }
}

# This function's text stands in the command line of the listening process: it runs the
# staged text, if that is still what it was.
function Invoke-FwStagedListener {
	param([string]$Folder, [string]$Nonce, [string]$Hash)
	$ErrorActionPreference = 'Stop'
	$Folder = [Text.Encoding]::Unicode.GetString([Convert]::FromBase64String($Folder))
	$bytes = [IO.File]::ReadAllBytes([IO.Path]::Combine($Folder, "listener.$Nonce"))
	$sha = New-Object Security.Cryptography.SHA256CryptoServiceProvider
	if ([BitConverter]::ToString($sha.ComputeHash($bytes)).Replace('-', '') -ne $Hash) { throw 'the listener is not what it was' }
	& ([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString($bytes))) $Folder $Nonce
}

# Why an end is not free; empty where it is.
function Test-FwEnd($End, $Waits) {
	$address = [Net.IPAddress]::Parse($End[1])
	foreach ($w in $Waits) {
		if ($w[0] -cne $End[0] -or $w[2] -ne $End[2]) { continue }
		$there = [Net.IPAddress]::Parse($w[1])
		if ($there.Equals($address) -or $there.Equals([Net.IPAddress]::Any) -or $there.Equals([Net.IPAddress]::IPv6Any)) { return 'taken' }
	}
	return ''
}

# Starts the listening process and says of each end what became of it, or why nothing did.
function Start-FwListening([string]$Nonce, [int]$Life, $Ends) {
	$fw.folder = Get-FwFolder
	$why = Protect-FwFolder $fw.folder
	if ($why) { throw $why }
	# What a host left behind that was switched off meanwhile.
	foreach ($pattern in 'listen.*', 'listening.*', 'listener.*') {
		foreach ($old in [IO.Directory]::GetFiles($fw.folder, $pattern)) {
			try { if ([IO.File]::GetLastWriteTimeUtc($old) -lt [DateTime]::UtcNow.AddMinutes(-10)) { [IO.File]::Delete($old) } } catch { continue }
		}
	}
	$program = [Text.Encoding]::UTF8.GetBytes("${function:Invoke-FwListening}")
	[IO.File]::WriteAllBytes((Get-FwPath "listener.$Nonce"), $program)
	$lines = New-Object Collections.ArrayList
	$null = $lines.Add([string]$Life)
	foreach ($e in $Ends) { $null = $lines.Add("$($e[0]) $($e[1]) $($e[2])") }
	[IO.File]::WriteAllText((Get-FwPath "listen.$Nonce"), [string]::Join("`n", $lines.ToArray()))
	$sha = New-Object Security.Cryptography.SHA256CryptoServiceProvider
	$hash = [BitConverter]::ToString($sha.ComputeHash($program)).Replace('-', '')
	$text = "function Invoke-FwStagedListener {$(${function:Invoke-FwStagedListener})}`n" +
		"Invoke-FwStagedListener $([Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($fw.folder))) $Nonce $hash"
	Start-FwProcess ("`"$(Get-FwPowerShell)`"" + ' -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand ' +
		[Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($text)))
	$clock = [Diagnostics.Stopwatch]::StartNew()
	while (-not (Test-FwFile "listening.$Nonce")) {
		if ($clock.Elapsed.TotalSeconds -ge 20) {
			Remove-FwFile "listen.$Nonce"
			throw 'the process that was to wait there did not start'
		}
		Start-Sleep -Milliseconds 50
	}
	$said = (Read-FwFile "listening.$Nonce").Trim().Split([char[]]"`n")
	return , @($said[1..($said.Length - 1)])
}

function Remove-FwFile([string]$Name) { try { [IO.File]::Delete((Get-FwPath $Name)) } catch { return } }

# Ends the listeners; whether they lived until now.
function Stop-FwListening([string]$Nonce) {
	$fw.folder = Get-FwFolder
	$note = Read-FwFile "listening.$Nonce"
	$lived = $null -ne $note -and (Test-FwFile "listen.$Nonce") -and (Get-FwStart ([int]$note.Split([char[]]"`n")[0])) -ne ''
	Remove-FwFile "listen.$Nonce"
	return $lived
}

function Invoke-FwRequest {
	$request = Read-FwJson ([Text.Encoding]::UTF8.GetString($Data))
	if ($request -isnot [Collections.Hashtable] -or $request['format'] -ne 1) { throw 'the request has another format' }
	$nonce = [string]$request['nonce']
	if ($nonce -cnotmatch '\A[a-z0-9]{8,64}\z') { throw 'the request holds no good nonce' }
	$found = [ordered]@{ format = 1; waits = @(); opened = @(); cannot = ''; closed = $false }
	if ($request['do'] -ceq 'close') {
		$found.closed = [bool](Stop-FwListening $nonce)
	} else {
		$found.waits = @(Get-FwListeners)
		if ($request['do'] -ceq 'open') {
			$free = New-Object Collections.ArrayList
			$opened = New-Object Collections.ArrayList
			foreach ($e in $request['ends']) {
				$why = Test-FwEnd $e $found.waits
				$null = $opened.Add($why)
				if (-not $why) { $null = $free.Add($e) }
			}
			try {
				if (-not (Test-FwAdmin)) { throw 'only an administrator can have the host wait there' }
				$said = @()
				if ($free.Count) { $said = Start-FwListening $nonce ([int]$request['life_s']) $free }
				$n = 0
				for ($i = 0; $i -lt $opened.Count; $i++) { if (-not $opened[$i]) { $opened[$i] = [string]$said[$n++] } }
			} catch {
				$found.cannot = Format-FwProblem $_
				for ($i = 0; $i -lt $opened.Count; $i++) { if (-not $opened[$i]) { $opened[$i] = 'no' } }
			}
			$found.opened = $opened
		}
	}
	$bytes = [Text.Encoding]::UTF8.GetBytes((Format-FwJson $found))
	$Answer.Out.Write($bytes, 0, $bytes.Length)
}
