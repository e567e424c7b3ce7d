# farmwall probe 1
param([byte[]]$Data, [string]$Connection, $Answer)
$ErrorActionPreference = 'Stop'
# Opens flows from this host with .NET's sockets; it changes nothing. The request names
# wait_ms, at_once, nonce and ends, each [PROTOCOL, ADDRESS, PORT, HEARS], where HEARS is
# "listener" if one of ours may wait there. The answer's replies stand in the same order, each [WORD, LOCAL, OURS,
# TEXT]: WORD is connected, refused, filtered, unreachable or silent (UDP, and nothing came).

# What the error of a socket means for a flow.
function Get-FwFlowWord($Problem) {
	$base = $Problem.Exception.GetBaseException()
	$name = ''
	if ($base -is [Net.Sockets.SocketException]) { $name = [string]$base.SocketErrorCode }
	switch ($name) {
		{ 'ConnectionRefused', 'ConnectionReset' -contains $_ } { return @('refused', '') }
		'TimedOut' { return @('filtered', '') }
		'' { return @('unreachable', [string]$base.Message) }
	}
	return @('unreachable', $name)
}

function Close-FwFlow($Flow, [string]$Word, [string]$Text) {
	$local = ''
	try { if ($null -ne $Flow.socket.LocalEndPoint) { $local = [string]$Flow.socket.LocalEndPoint.Address } } catch { $local = '' }
	if ($null -ne $Flow.socket) { $Flow.socket.Close() }
	$Flow.socket = $null
	$Flow.reply = @($Word, $local, [string]$Flow.ours, $Text)
}

function Start-FwFlow($Flow) {
	$type = 'Stream'
	$protocol = 'Tcp'
	if (-not $Flow.tcp) {
		$type = 'Dgram'
		$protocol = 'Udp'
	}
	try {
		$Flow.socket = New-Object Net.Sockets.Socket $Flow.end.AddressFamily, $type, $protocol
		$source = Get-FwSource ([string]$Flow.end.AddressFamily)
		if ($null -ne $source) { $Flow.socket.Bind((New-Object Net.IPEndPoint $source, 0)) }
		if ($Flow.tcp) {
			$Flow.begun = $Flow.socket.BeginConnect($Flow.end, $null, $null)
		} else {
			$Flow.socket.Connect($Flow.end)
			$null = $Flow.socket.Send([byte[]](, 10))
		}
	} catch {
		$word = Get-FwFlowWord $_
		Close-FwFlow $Flow $word[0] $word[1]
	}
}

# Reads what came: whose words they are.
function Read-FwFlow($Flow, [string]$Nonce) {
	$bytes = New-Object byte[] 2000
	$n = $Flow.socket.Receive($bytes)
	$said = [Text.Encoding]::ASCII.GetString($bytes, 0, $n)
	if ($said -ceq "farmwall $Nonce`n") { $Flow.ours = 'ours' } elseif ($said -cmatch '\Afarmwall [a-z0-9]+\n') { $Flow.ours = 'earlier' }
}

# Looks at a flow that is open; whether it has come to its end.
function Test-FwFlow($Flow, [long]$Now, [long]$Wait, [string]$Nonce) {
	try {
		if ($Flow.tcp -and -not $Flow.reads) {
			if ($Flow.begun.IsCompleted) {
				$Flow.socket.EndConnect($Flow.begun)
				if (-not $Flow.hears) {
					Close-FwFlow $Flow 'connected' ''
					return $true
				}
				$Flow.reads = $true
				$Flow.until = $Now + $Wait
			}
		} elseif ($Flow.socket.Poll(0, 'SelectRead')) {
			Read-FwFlow $Flow $Nonce
			Close-FwFlow $Flow 'connected' ''
			return $true
		}
		if ($Now -ge $Flow.until) {
			$word = 'filtered'
			if ($Flow.reads) { $word = 'connected' } elseif (-not $Flow.tcp) { $word = 'silent' }
			Close-FwFlow $Flow $word ''
			return $true
		}
		if (-not $Flow.tcp -and $Now -ge $Flow.again) {
			# A datagram may get lost, and so may the word that nobody wants it.
			$Flow.again = $Now + $Wait / 3
			$null = $Flow.socket.Send([byte[]](, 10))
		}
	} catch {
		if ($Flow.tcp -and $Flow.reads) {
			Close-FwFlow $Flow 'connected' ''
			return $true
		}
		$word = Get-FwFlowWord $_
		Close-FwFlow $Flow $word[0] $word[1]
		return $true
	}
	return $false
}

function Invoke-FwRequest {
	$request = Read-FwJson ([Text.Encoding]::UTF8.GetString($Data))
	if ($request -isnot [Collections.Hashtable] -or $request['format'] -ne 1) { throw 'the request has another format' }
	$wait = [long]$request['wait_ms']
	$nonce = [string]$request['nonce']
	$flows = New-Object Collections.ArrayList
	foreach ($e in $request['ends']) {
		$null = $flows.Add(@{
				tcp = $e[0] -ceq 'tcp'; end = New-Object Net.IPEndPoint ([Net.IPAddress]::Parse($e[1])), ([int]$e[2]); hears = $e[3] -ceq 'listener'
				socket = $null; begun = $null; reads = $false; until = 0L; again = 0L; ours = ''; reply = $null
			})
	}
	$clock = [Diagnostics.Stopwatch]::StartNew()
	$open = New-Object Collections.ArrayList
	$next = 0
	while ($next -lt $flows.Count -or $open.Count) {
		while ($next -lt $flows.Count -and $open.Count -lt $request['at_once']) {
			$flow = $flows[$next++]
			Start-FwFlow $flow
			$flow.until = $clock.ElapsedMilliseconds + $wait
			$flow.again = $clock.ElapsedMilliseconds + $wait / 3
			if ($null -eq $flow.reply) { $null = $open.Add($flow) }
		}
		$left = New-Object Collections.ArrayList
		foreach ($flow in $open) { if (-not (Test-FwFlow $flow $clock.ElapsedMilliseconds $wait $nonce)) { $null = $left.Add($flow) } }
		$open = $left
		if ($open.Count) { Start-Sleep -Milliseconds 15 }
	}
	$replies = New-Object Collections.ArrayList
	foreach ($flow in $flows) { $null = $replies.Add($flow.reply) }
	$bytes = [Text.Encoding]::UTF8.GetBytes((Format-FwJson ([ordered]@{ format = 1; replies = $replies })))
	$Answer.Out.Write($bytes, 0, $bytes.Length)
}
