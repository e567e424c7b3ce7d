# The fixed program in front of every script: it must parse on PowerShell 2 and run
# under a constrained language up to its refusals. powershell.go says what it reads and prints.
$ProgressPreference = 'SilentlyContinue'
$ErrorActionPreference = 'Stop'
$l = @($input)
$m = "$($l[0])".Trim()
$v = $PSVersionTable.PSVersion
if ($v.Major -lt 3) { "$m refused version $v"; exit 3 }
$v = $ExecutionContext.SessionState.LanguageMode
if ("$v" -ne 'FullLanguage') { "$m refused language $v"; exit 3 }
if ($l.Count -lt 5 -or $l[4].Trim() -ne $m) { "$m refused input $($l.Count)"; exit 3 }
$WarningPreference = $VerbosePreference = $DebugPreference = 'SilentlyContinue'
$InformationPreference = 'SilentlyContinue'
$o = [Console]::Out
$open = {
	param($t)
	$from = New-Object IO.MemoryStream(,[Convert]::FromBase64String($t))
	$from = New-Object IO.Compression.GZipStream($from, [IO.Compression.CompressionMode]::Decompress)
	$to = New-Object IO.MemoryStream
	$from.CopyTo($to)
	,$to.ToArray()
}
$r = New-Object IO.MemoryStream
$a = New-Object PSObject -Property @{ Out = $null; Status = 0 }
$a.Out = New-Object IO.Compression.GZipStream($r, [IO.Compression.CompressionMode]::Compress, $true)
$e = $begun = ''
try {
	$b = [ScriptBlock]::Create([Text.Encoding]::UTF8.GetString((& $open $l[1])))
	$d = & $open $l[2]
	$c = $l[3].Trim()
	if ($c -eq 'ssh') { $c = "$env:SSH_CONNECTION" } else { $c = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($c)).Trim() }
	$l = $null
	$begun = "$m begin`n"
	& $b $d $c $a | Out-Null
} catch {
	$e = "$_`n$($_.InvocationInfo.PositionMessage)`n$($_.ScriptStackTrace)"
	if (-not $a.Status) { $a.Status = 1 }
}
$a.Out.Close()
if ($e.Length -gt 16000) { $e = $e.Substring(0, 16000) }
if ($e) { $e = "$m error " + [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($e)) + "`n" }
if (-not $a.Status) { $e += "$m out " + [Convert]::ToBase64String($r.ToArray()) + "`n" }
$o.Write("`n$begun$e$m end $([int]$a.Status)`n")
$o.Flush()
exit 0
