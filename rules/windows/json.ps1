# JSON, read and written alike by every PowerShell: ConvertFrom-Json makes dates of some
# texts and refuses long ones, ConvertTo-Json adds members, each in some versions only.

# Objects become tables that know upper case from lower, lists become ArrayLists, and
# numbers, whole ones only, longs.
function Read-FwJson([string]$Text) {
	$tokens = New-Object regex '\G[ \t\r\n]*(?:([{}\[\],:])|"([^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*)"|(-?[0-9]{1,18})(?![0-9.eE])|(true|false|null))'
	$holders = New-Object Collections.Stack
	$keys = New-Object Collections.Stack
	$holder = New-Object Collections.ArrayList
	$key = $null
	$wants = 'value'
	$end = 0
	for ($m = $tokens.Match($Text); $m.Success; $m = $m.NextMatch()) {
		$end = $m.Index + $m.Length
		$sign = $m.Groups[1].Value
		if ($sign -eq ',' -or $sign -eq ':') {
			if ($wants -ne $sign) { throw "JSON: $sign at $end" }
			$wants = 'value'
			if ($sign -eq ',' -and $holder -is [Collections.Hashtable]) { $wants = 'key' }
			continue
		}
		if ($sign -eq '}' -or $sign -eq ']') {
			$count = $holder.Count
			if ($holders.Count -eq 0 -or ($sign -eq '}') -ne ($holder -is [Collections.Hashtable]) -or
				-not ($wants -eq ',' -or ($count -eq 0 -and $wants -ne ':'))) { throw "JSON: $sign at $end" }
			$holder = $holders.Pop()
			$key = $keys.Pop()
			$wants = ','
			continue
		}
		if ($wants -eq 'key') {
			if (-not $m.Groups[2].Success) { throw "JSON: no key at $end" }
			$key = Read-FwJsonText $m.Groups[2].Value
			$wants = ':'
			continue
		}
		if ($wants -ne 'value') { throw "JSON: a value at $end" }
		if ($sign -eq '{') { $value = New-Object Collections.Hashtable ([StringComparer]::Ordinal) }
		elseif ($sign -eq '[') { $value = New-Object Collections.ArrayList }
		elseif ($m.Groups[2].Success) { $value = Read-FwJsonText $m.Groups[2].Value }
		elseif ($m.Groups[3].Success) { $value = [long]$m.Groups[3].Value }
		else { $value = @{ 'true' = $true; 'false' = $false; 'null' = $null }[$m.Groups[4].Value] }
		if ($holder -is [Collections.Hashtable]) { $holder[$key] = $value } else { $null = $holder.Add($value) }
		$wants = ','
		if ($sign) {
			$holders.Push($holder)
			$keys.Push($key)
			$holder = $value
			$wants = 'value'
			if ($sign -eq '{') { $wants = 'key' }
		}
	}
	if ($holders.Count -ne 0 -or $holder.Count -ne 1 -or $Text.Substring($end).Trim()) { throw "JSON: not whole, at $end" }
	return , $holder[0]
}

function Read-FwJsonText([string]$Text) {
	if ($Text.IndexOf([char]'\') -lt 0) { return $Text }
	return [regex]::Replace($Text, '\\(?:u([0-9a-fA-F]{4})|(.))', {
		param($m)
		if ($m.Groups[1].Success) { return [string][char][Convert]::ToInt32($m.Groups[1].Value, 16) }
		switch -CaseSensitive ($m.Groups[2].Value) {
			'n' { "`n" }
			't' { "`t" }
			'r' { "`r" }
			'b' { "`b" }
			'f' { "`f" }
			default { $_ }
		}
	})
}

# A text as JSON, quoted.
function Format-FwText([string]$Text) {
	$Text = $Text.Replace('\', '\\').Replace('"', '\"')
	if ([regex]::IsMatch($Text, '[\x00-\x1f]')) {
		$Text = [regex]::Replace($Text, '[\x00-\x1f]', { param($m) '\u{0:x4}' -f [int][char]$m.Value })
	}
	return '"' + $Text + '"'
}

# A value as JSON: null, truth, whole numbers, texts, tables (ordered ones keep their
# order) and lists.
function Format-FwJson($Value) {
	if ($null -eq $Value) { return 'null' }
	if ($Value -is [bool]) { if ($Value) { return 'true' } else { return 'false' } }
	if ($Value -is [int] -or $Value -is [long] -or $Value -is [uint32]) { return $Value.ToString([Globalization.CultureInfo]::InvariantCulture) }
	if ($Value -is [Collections.IDictionary]) {
		$parts = New-Object Collections.ArrayList
		foreach ($key in @($Value.Keys)) { $null = $parts.Add((Format-FwText $key) + ':' + (Format-FwJson $Value[$key])) }
		return '{' + [string]::Join(',', $parts.ToArray()) + '}'
	}
	if ($Value -is [Collections.IEnumerable] -and $Value -isnot [string]) {
		$parts = New-Object Collections.ArrayList
		foreach ($item in $Value) { $null = $parts.Add((Format-FwJson $item)) }
		return '[' + [string]::Join(',', $parts.ToArray()) + ']'
	}
	return Format-FwText ([string]$Value)
}
