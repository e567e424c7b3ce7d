# The last part of every script: all that went before only defines.
$fw = @{ folder = ''; lock = $null; lease = 0L; answered = $false; left = 0L; holder = ''; ours = ''; unsaved = '' }
Invoke-FwRequest
