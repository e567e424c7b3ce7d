# farmwall observe 1
param([byte[]]$Data, [string]$Connection, $Answer)
$ErrorActionPreference = 'Stop'
# Reads all that farmwall wants to know about a Windows host and changes nothing.

# The state of the policy, by the cheap members of the object; its rules are not looked at.
function Get-FwPolicyState {
	$state = [ordered]@{ error = ''; active = 0; modify_state = 0; profiles = [ordered]@{} }
	try {
		$policy = New-Object -ComObject HNetCfg.FwPolicy2
		$state.active = [int]$policy.CurrentProfileTypes
		try { $state.modify_state = [int]$policy.LocalPolicyModifyState } catch { $state.modify_state = -1 }
		foreach ($bit in 1, 2, 4) {
			$excluded = $policy.ExcludedInterfaces($bit)
			$state.profiles[[string]$bit] = [ordered]@{
				enabled = [bool]$policy.FirewallEnabled($bit)
				block_all = [bool]$policy.BlockAllInboundTraffic($bit)
				inbound = [int]$policy.DefaultInboundAction($bit)
				outbound = [int]$policy.DefaultOutboundAction($bit)
				excluded = @(foreach ($alias in $excluded) { if ($null -ne $alias) { [string]$alias } })
			}
		}
	} catch {
		$state = [ordered]@{ error = Format-FwProblem $_; active = 0; modify_state = 0; profiles = [ordered]@{} }
	}
	return $state
}

# Both ends of the connection that asks, as the host sees them: it may be behind NAT,
# and then neither what was dialled nor the controller's port is true.
function Find-FwConnection {
	$found = [ordered]@{ client = ''; local = '' }
	$words = @("$Connection".Trim() -split ' +')
	if ($words.Length -ne 4) { return $found }
	$client = $null
	$host_ = $null
	$clientPort = 0
	$hostPort = 0
	if (-not [Net.IPAddress]::TryParse($words[0], [ref]$client) -or -not [int]::TryParse($words[1], [ref]$clientPort) -or
		-not [int]::TryParse($words[3], [ref]$hostPort)) { return $found }
	$client = Format-FwAddress $client
	$best = 0
	$count = 0
	try { $sockets = @(Get-FwSockets) } catch { $sockets = @() }
	foreach ($socket in $sockets) {
		if ($null -eq $socket) { continue }
		$score = 0
		if ((Format-FwAddress $socket.client.Address) -ne $client) { continue }
		if ($socket.client.Port -eq $clientPort) { $score += 2 }
		if ($socket.local.Port -eq $hostPort) { $score += 1 }
		if ($score -gt $best) {
			$best = $score
			$count = 0
		}
		if ($score -ne $best -or $score -eq 0) { continue }
		$count++
		$found.client = Join-FwAddress $socket.client.Address $socket.client.Port
		$found.local = Join-FwAddress $socket.local.Address $socket.local.Port
	}
	if ($count -eq 1) { return $found }
	$found = [ordered]@{ client = Join-FwAddress $client $clientPort; local = '' }
	# Which of several it is does not matter where they end at the same place.
	if ([Net.IPAddress]::TryParse($words[2], [ref]$host_)) { $found.local = Join-FwAddress $host_ $hostPort }
	return $found
}

# An address without what maps IPv4 into IPv6.
function Format-FwAddress($Address) {
	$bytes = $Address.GetAddressBytes()
	if ($bytes.Length -eq 16 -and [BitConverter]::ToString($bytes, 0, 12) -eq '00-00-00-00-00-00-00-00-00-00-FF-FF') {
		return '{0}.{1}.{2}.{3}' -f $bytes[12], $bytes[13], $bytes[14], $bytes[15]
	}
	return [string]$Address
}

function Join-FwAddress($Address, [int]$Port) {
	if ($Address -isnot [string]) { $Address = Format-FwAddress $Address }
	if ($Address.IndexOf([char]':') -ge 0) { $Address = "[$Address]" }
	return "$($Address):$Port"
}

# Lease, token, record and tasks, where the folder may be trusted.
function Add-FwOwn($Seen) {
	$fw.folder = Get-FwFolder
	$why = ''
	try { $why = Test-FwFolder $fw.folder } catch { $why = "$($fw.folder) cannot be looked at: $(Format-FwProblem $_)" }
	if ($why) {
		if ($Seen.admin) { $Seen.folder = $why }
		return
	}
	try {
		$lease = Read-FwLease
		if ($null -eq $lease) {
			$Seen.folder = "$($fw.folder)\lease is damaged; put the number of the last change into it, as {`"number`":N}"
		} else {
			$Seen.lease.number = $lease['number']
			$Seen.lease.holder = Get-FwHolder $lease
			$Seen.lease.run = [string]$lease['run']
			if ($lease['taken'] -is [long] -and -not (Test-FwEarlier $lease $lease['taken'])) {
				$Seen.lease.since_ms = (Get-FwUptime) - $lease['taken']
			}
		}
		$token = Get-FwToken
		$Seen.token.state = $token.state
		$Seen.token.left_ms = Get-FwLeft $token
		$record = Read-FwNote 'record'
		if ($null -ne $record) { foreach ($key in 'run', 'controller', 'digest', 'time') { $Seen.record[$key] = [string]$record[$key] } }
	} catch {
		if ($Seen.admin) { $Seen.folder = "$($fw.folder) cannot be read: $(Format-FwProblem $_)" }
		return
	}
	if ($Seen.admin -and $Seen.services.Schedule -eq 'Running') {
		try { $Seen.switch = [string]::Join(' ', @(Get-FwTasks)) } catch { $Seen.switch = '' }
	}
}

function Invoke-FwRequest {
	$ps = $PSVersionTable.PSVersion
	$system = @{ system = ''; version = '' }
	try { $system = Get-FwSystem } catch { $system.system = 'Microsoft Windows' }
	$seen = [ordered]@{
		format = 1
		system = [string]$system.system
		version = [string]$system.version
		powershell = [string]$ps
		admin = [bool](Test-FwAdmin)
		user = [string](Get-FwUser)
		boot = [string](Get-FwBoot)
		uptime_ms = [long](Get-FwUptime)
		now = [DateTime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", [Globalization.CultureInfo]::InvariantCulture)
		services = [ordered]@{}
		policy = $null
		registry = [ordered]@{ error = ''; gpo = [ordered]@{}; local = [ordered]@{}; delete_app_containers_on_logoff = $false }
		left_out = [ordered]@{ local = 0; gpo = 0; restricted = 0 }
		interfaces = @()
		connection = Find-FwConnection
		folder = ''
		lease = [ordered]@{ number = 0; holder = ''; run = ''; since_ms = 0 }
		token = [ordered]@{ state = ''; left_ms = 0 }
		record = [ordered]@{ run = ''; controller = ''; digest = ''; time = '' }
		ours = ''
		rest = ''
		switch = ''
	}
	foreach ($name in 'MpsSvc', 'BFE', 'Schedule') {
		try { $seen.services[$name] = [string](Get-FwService $name) } catch { $seen.services[$name] = 'Unknown' }
	}
	# The token before the rules: an undo that runs meanwhile then shows as one under way,
	# never as an end that the rules do not fit.
	Add-FwOwn $seen
	$seen.policy = Get-FwPolicyState
	$stores = $null
	try {
		$stores = Read-FwStores
		$prints = Get-FwPrints $stores
		$seen.ours = $prints.ours
		$seen.rest = $prints.rest
		$seen.registry.gpo = $stores.gpoProfiles
		$seen.registry.local = $stores.localProfiles
		$root = Read-FwKey $fwLocal
		$seen.registry.delete_app_containers_on_logoff = ($null -ne $root -and $root['DeleteUserAppContainersOnLogoff'] -eq 1)
		$seen.left_out.local = $stores.local.left
		$seen.left_out.gpo = $stores.gpo.left
		foreach ($name in 'Configurable\System', 'AppIso\FirewallRules') {
			$seen.left_out.restricted += [int](Measure-FwKey "$fwLocal\RestrictedServices\$name")
		}
	} catch {
		$stores = $null
		$seen.ours = ''
		$seen.rest = ''
		$seen.registry.error = Format-FwProblem $_
	}
	try {
		$seen.interfaces = @(foreach ($i in Get-FwInterfaces) {
			if ($null -eq $i) { continue }
			$adapter = [ordered]@{
				name = [string]$i.name; index = [int]$i.index; up = [bool]$i.up; loopback = [bool]$i.loopback
				addresses = @($i.addresses); gateways = @($i.gateways); dns = @($i.dns); dhcp = @($i.dhcp); wins = @($i.wins)
				guid = [string]$i.guid
			}
			if ($i.type) { $adapter.type = [string]$i.type }
			if ($i.profile) { $adapter.profile = [int]$i.profile }
			$adapter
		})
	} catch { $seen.interfaces = @() }

	# The two lists, which are long, go out by themselves.
	$out = New-Object IO.StreamWriter $Answer.Out, (New-Object Text.UTF8Encoding $false), 65536
	$out.Write((Format-FwJson $seen).TrimEnd([char]'}'))
	Write-FwList $out 'local' $(if ($stores) { $stores.local })
	Write-FwList $out 'gpo' $(if ($stores) { $stores.gpo })
	$out.Write('}')
	$out.Flush()
}

function Write-FwList($Out, [string]$Name, $Rules) {
	$Out.Write(",`"$Name`":[")
	if ($Rules) {
		$sign = '['
		for ($i = 0; $i -lt $Rules.ids.Length; $i++) {
			$Out.Write($sign)
			$Out.Write((Format-FwText $Rules.ids[$i]))
			$Out.Write(',')
			$Out.Write((Format-FwText $Rules.texts[$i]))
			$Out.Write(']')
			$sign = ',['
		}
	}
	$Out.Write(']')
}
