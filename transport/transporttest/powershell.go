package transporttest

import "farmwall/rules"

// PowerShellScripts are the programs for PowerShell.
func PowerShellScripts() Scripts {
	head := "param([byte[]]$Data, [string]$Connection, $Answer)\n"
	text := "$t = [Text.Encoding]::ASCII.GetBytes("
	return Scripts{
		Shell:  rules.PowerShell,
		Echo:   "# farmwall echo 1\n" + head + "$Answer.Out.Write($Data, 0, $Data.Length)\n",
		Sum:    "# farmwall sum 1\n" + head + text + "[BitConverter]::ToString([Security.Cryptography.SHA256]::Create().ComputeHash($Data)).Replace('-', '').ToLowerInvariant())\n$Answer.Out.Write($t, 0, $t.Length)\n",
		Fail:   "# farmwall fail 1\n" + head + "$Answer.Status = 7\nthrow 'it broke'\n",
		Status: "# farmwall status 1\n" + head + "$Answer.Out.WriteByte(111)\n$Answer.Status = [int][Text.Encoding]::ASCII.GetString($Data)\n",
		Idle:   "# farmwall idle 1\n" + head + "Write-Host started\nStart-Sleep -Seconds 20\n",
		Deaf:   "# farmwall deaf 1\n" + head + "return\n",
		First:  "# farmwall first 1\n" + head + text + "$Connection)\n$Answer.Out.Write($t, 0, $t.Length)\n",
	}
}
