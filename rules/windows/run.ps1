# The last part of every script: all that went before only defines.
$fw = @{
	action = ''; folder = ''; lock = $null; held = $false; armed = $false; problem = ''; undo = $null; program = $null
	lease = 0L; left = 0L; holder = ''; ours = ''; unsaved = ''
}
Invoke-FwRequest
