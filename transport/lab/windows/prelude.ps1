# Stand-ins for what only Windows has, over the lab's model of the host. The engine
# loads this before each command; a module keeps the command's strict mode out.
New-Module -Name FarmwallLab -ScriptBlock {
	$socket = [Net.Sockets.Socket]::new([Net.Sockets.AddressFamily]::Unix, [Net.Sockets.SocketType]::Stream, [Net.Sockets.ProtocolType]::Unspecified)
	$socket.Connect([Net.Sockets.UnixDomainSocketEndPoint]::new($env:FARMWALL_LAB_SOCKET))
	$stream = [Net.Sockets.NetworkStream]::new($socket)
	$reader = [IO.StreamReader]::new($stream, [Text.UTF8Encoding]::new($false), $false, 65536)
	$writer = [IO.StreamWriter]::new($stream, [Text.UTF8Encoding]::new($false))
	$bulk = $null

	# One request; a failure is thrown as the exception that .NET makes of its HRESULT.
	function Invoke-FwLab {
		$ErrorActionPreference = 'Stop'
		$request = [object[]]::new($args.Count)
		for ($i = 0; $i -lt $args.Count; $i++) { if ($null -ne $args[$i]) { $request[$i] = $args[$i].PSObject.BaseObject } }
		$writer.Write([Newtonsoft.Json.JsonConvert]::SerializeObject($request))
		$writer.Write("`n")
		$writer.Flush()
		$line = $reader.ReadLine()
		if ($null -eq $line) { throw [Runtime.InteropServices.COMException]::new('the host has gone', -2147023174) }
		if ($line -eq '{"v":null}') { return }
		$reply = ConvertFrom-Json $line
		if ($reply.PSObject.Properties['hr']) {
			throw [Runtime.InteropServices.Marshal]::GetExceptionForHR([int]('0x{0:X8}' -f $reply.hr))
		}
		, $reply.v
	}

	function Invoke-FwLabHello { $null = Invoke-FwLab hello $env:FARMWALL_LAB_TICKET }

	function Read-FwKey([string]$Path) {
		$n = Invoke-FwLab key $Path
		if ($null -eq $n) { return $null }
		$values = New-Object Collections.Hashtable ([StringComparer]::OrdinalIgnoreCase)
		$part = $reader.ReadLine().Split([char]0)
		for ($i = 0; $i -lt 2 * $n; $i += 2) {
			$data = $part[$i + 1]
			if ($data[0] -eq 's') { $values[$part[$i]] = $data.Substring(1) } else { $values[$part[$i]] = [BitConverter]::ToInt32([BitConverter]::GetBytes([uint32]$data.Substring(1)), 0) }
		}
		$values
	}
	function Measure-FwKey([string]$Path) { Invoke-FwLab key.count $Path }
	function Get-FwService([string]$Name) { Invoke-FwLab service $Name }
	function Test-FwAdmin { Invoke-FwLab admin }
	function Get-FwUser { Invoke-FwLab user }
	function Get-FwBoot { Invoke-FwLab boot }
	function Get-FwUptime { [long](Invoke-FwLab uptime) }
	function Get-FwFolder { Invoke-FwLab folder }
	function Get-FwInterfaces {
		foreach ($i in (Invoke-FwLab interfaces)) {
			$a = @{
				name = $i.name; index = [int]$i.index; up = $i.up; loopback = $i.loopback; guid = $i.guid
				addresses = @($i.addresses); gateways = @($i.gateways); dns = @($i.dns); dhcp = @($i.dhcp); wins = @($i.wins)
			}
			foreach ($more in 'type', 'profile') { if ($i.PSObject.Properties[$more]) { $a[$more] = $i.$more } }
			$a
		}
	}
	function Get-FwSockets {
		foreach ($s in (Invoke-FwLab sockets)) { @{ client = [Net.IPEndPoint]::Parse($s[0]); local = [Net.IPEndPoint]::Parse($s[1]) } }
	}

	# The hosts of a lab share a machine: what waits on another one's address is not here.
	function Get-FwOwnAddresses {
		foreach ($i in (Invoke-FwLab interfaces)) { if (-not $i.loopback) { foreach ($a in @($i.addresses)) { [Net.IPAddress]::Parse($a.Split('/')[0]) } } }
	}
	function Get-FwListeners {
		$own = @(Get-FwOwnAddresses)
		$all = [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()
		foreach ($list in @('tcp', $all.GetActiveTcpListeners()), @('udp', $all.GetActiveUdpListeners())) {
			foreach ($e in $list[1]) {
				if ($own -contains $e.Address -or $e.Address.Equals([Net.IPAddress]::Any) -or $e.Address.Equals([Net.IPAddress]::IPv6Any)) {
					, @($list[0], [string]$e.Address, [string]$e.Port)
				}
			}
		}
	}
	function Get-FwSource([string]$Family) {
		foreach ($a in (Get-FwOwnAddresses)) { if ([string]$a.AddressFamily -eq $Family) { return $a } }
	}

	# The folder is real; who owns it is what the host says.
	function Test-FwFolder([string]$Path) {
		$owner = Invoke-FwLab folder.owner
		if ($owner) { return "$Path belongs to $owner, not to Administrators; look at it and remove it" }
		if (-not [IO.Directory]::Exists($Path) -and -not [IO.File]::Exists($Path)) { return '' }
		if ([IO.File]::GetAttributes($Path) -band [IO.FileAttributes]::ReparsePoint) { return "$Path is a link; look at it and remove it" }
		if ([IO.File]::Exists($Path)) { return "$Path is no folder; look at it and remove it" }
		return ''
	}
	function Protect-FwFolder([string]$Path) {
		$why = Test-FwFolder $Path
		if ($why) { return $why }
		$null = [IO.Directory]::CreateDirectory($Path)
		return Test-FwFolder $Path
	}
	function Stop-FwTree([int]$Id, [string]$Start) {
		# Two processes compute the time when a third one began, and may differ by a little.
		$began = Get-FwStart $Id
		if ($Start -and $began -and [Math]::Abs([long]$began - [long]$Start) -lt 10000000) { $null = Invoke-FwLab kill $Id }
	}
	function Get-FwStart([int]$Id) {
		try { [string]([Diagnostics.Process]::GetProcessById($Id).StartTime.ToFileTimeUtc()) } catch { '' }
	}
	function Start-FwProcess([string]$Line) { $null = Invoke-FwLab start $Line }

	# The rules are asked for when they are enumerated.
	class FwLabRules : Collections.IEnumerable {
		[Collections.IEnumerator] GetEnumerator() {
			$all = Invoke-FwLab rules.all
			$first, $count = [int]$all[0], [int]$all[1]
			$list = [Collections.ArrayList]::new()
			for ($i = 0; $i -lt $count; $i++) { $null = $list.Add((New-FwLabRule ($first + $i))) }
			return $list.GetEnumerator()
		}
	}

	# The properties of a COM object that the host keeps: $state is its number.
	$rule = @{}
	foreach ($name in 'Name', 'Description', 'ApplicationName', 'serviceName', 'Protocol', 'LocalPorts', 'RemotePorts', 'LocalAddresses',
		'RemoteAddresses', 'IcmpTypesAndCodes', 'Direction', 'InterfaceTypes', 'Enabled', 'Grouping', 'EdgeTraversal', 'Action',
		'EdgeTraversalOptions', 'LocalAppPackageId', 'LocalUserOwner', 'LocalUserAuthorizedList', 'RemoteUserAuthorizedList',
		'RemoteMachineAuthorizedList', 'SecureFlags') {
		$rule[$name] = @{
			Get = [scriptblock]::Create("`$v = Invoke-FwLab rule.get `$state '$name'; if (`$v -is [long]) { [int]`$v } else { `$v }")
			Set = [scriptblock]::Create("param(`$v) `$null = Invoke-FwLab rule.set `$state '$name' `$v")
		}
	}
	$rule.Profiles = @{
		Get = { [int](Invoke-FwLab rule.get $state 'Profiles') }
		Set = {
			param($v)
			if ($v -is [uint32]) { throw [InvalidCastException]::new('Specified cast is not valid.') }
			$null = Invoke-FwLab rule.set $state 'Profiles' $v
		}
	}
	$rule.Interfaces = @{
		Get = { $v = Invoke-FwLab rule.get $state 'Interfaces'; if ($null -eq $v) { $null } else { , [object[]]$v } }
		Set = { param($v) $null = Invoke-FwLab rule.set $state 'Interfaces' ([object[]]$v) }
	}

	$rules = @{
		Count = @{ Get = { [int](Invoke-FwLab rules.count) } }
		Add = { param($r) $null = Invoke-FwLab rules.add $r.State }
		Remove = { param($name) $null = Invoke-FwLab rules.remove ([string]$name) }
		Item = { param($name) New-FwLabRule (Invoke-FwLab rules.item ([string]$name)) }
	}
	$policy = @{
		Rules = @{ Get = { New-FwLabRules } }
		CurrentProfileTypes = @{ Get = { [int](Invoke-FwLab policy.get CurrentProfileTypes 0) } }
		LocalPolicyModifyState = @{ Get = { [int](Invoke-FwLab policy.get LocalPolicyModifyState 0) } }
	}
	# The engine does not pass on what a script assigns to a property with a parameter.
	foreach ($name in 'FirewallEnabled', 'BlockAllInboundTraffic', 'DefaultInboundAction', 'DefaultOutboundAction', 'NotificationsDisabled', 'ExcludedInterfaces') {
		$policy[$name] = @{
			Get = [scriptblock]::Create("param(`$p) `$v = Invoke-FwLab policy.get '$name' ([int]`$p); if (`$v -is [long]) { [int]`$v } else { , `$v }")
		}
	}
	function New-FwLabRule([int]$Number) { , [PsEngine.ComObject]::new($rule, $Number) }

	function New-FwLabRules {
		, [PsEngine.ComCollection]::new($rules, [FwLabRules]::new())
	}

	$task = @{
		Name = @{ Get = { $state.name } }
		Path = @{ Get = { '\' + $state.name } }
		Enabled = @{ Get = { (Invoke-FwLab task.get $state.name).enabled } }
		LastTaskResult = @{ Get = { [int](Invoke-FwLab task.get $state.name).result } }
		Run = { $null = Invoke-FwLab task.run $state.name; , [PsEngine.ComObject]::new(@{ Name = @{ Get = { $state } } }, $state.name) }
		Stop = { $null = Invoke-FwLab task.stop $state.name }
	}
	# The engine's objects have a property State of their own, which would win.
	function New-FwLabTask($Shown) {
		$o = [PsEngine.ComObject]::new($task, $Shown)
		Add-Member -InputObject $o -MemberType ScriptProperty -Name State -Force -Value ([scriptblock]::Create("[int](Invoke-FwLab task.get '$($Shown.name)').state"))
		, $o
	}
	$folder = @{
		Path = @{ Get = { '\' } }
		Name = @{ Get = { '\' } }
		GetTask = { param($name) New-FwLabTask (Invoke-FwLab task.get ([string]$name)) }
		GetTasks = {
			$list = [Collections.ArrayList]::new()
			foreach ($t in (Invoke-FwLab task.list)) { $null = $list.Add((New-FwLabTask $t)) }
			, [PsEngine.ComCollection]::new(@{ Count = @{ Get = [scriptblock]::Create("$($list.Count)") } }, $list)
		}
		DeleteTask = { param($name) $null = Invoke-FwLab task.delete ([string]$name) }
		RegisterTaskDefinition = {
			param($name, $definition, $flags, $user, $password, $logon)
			if ($logon -eq 5 -and $password) { throw [ArgumentException]::new('Value does not fall within the expected range.') }
			$s = $definition.State
			if ($s.actions.Count -ne 1) { throw [ArgumentException]::new('Value does not fall within the expected range.') }
			$boot = $false
			foreach ($t in $s.triggers) { if ($t.Type -eq 8 -and $t.Enabled) { $boot = $true } }
			$text = ConvertTo-Json -Compress -Depth 4 -InputObject @{
				name = [string]$name; program = [string]$s.actions[0].Path; arguments = [string]$s.actions[0].Arguments; user = [string]$user
				boot = $boot; enabled = [bool]$s.settings.Enabled; description = [string]$s.info.Description; author = [string]$s.info.Author; settings = $s.settings
			}
			$null = Invoke-FwLab task.register $text ([int]$flags)
			New-FwLabTask (Invoke-FwLab task.get ([string]$name))
		}
	}
	# An object that only keeps what it is given; a name it does not have is refused.
	function New-FwLabBag([Collections.IDictionary]$Table) {
		$members = @{}
		foreach ($name in @($Table.Keys)) {
			$members[$name] = @{ Get = [scriptblock]::Create("`$state['$name']"); Set = [scriptblock]::Create("param(`$v) `$state['$name'] = `$v") }
		}
		, [PsEngine.ComObject]::new($members, $Table)
	}
	function New-FwLabDefinition {
		$s = @{
			info = @{ Description = ''; Author = ''; Date = ''; Source = ''; Version = ''; URI = ''; Documentation = '' }
			principal = @{ Id = ''; UserId = ''; LogonType = 0; RunLevel = 0; DisplayName = ''; GroupId = '' }
			settings = @{
				Enabled = $true; AllowDemandStart = $true; AllowHardTerminate = $true; DisallowStartIfOnBatteries = $true; StopIfGoingOnBatteries = $true
				StartWhenAvailable = $false; ExecutionTimeLimit = 'PT72H'; Hidden = $false; MultipleInstances = 2; Priority = 7; RestartCount = 0
				RestartInterval = ''; RunOnlyIfIdle = $false; RunOnlyIfNetworkAvailable = $false; WakeToRun = $false; DeleteExpiredTaskAfter = ''; Compatibility = 2
			}
			triggers = [Collections.ArrayList]::new()
			actions = [Collections.ArrayList]::new()
		}
		$triggers = @{
			Create = {
				param($type)
				$t = @{ Type = [int]$type; Id = ''; Enabled = $true; Delay = ''; StartBoundary = ''; EndBoundary = ''; ExecutionTimeLimit = '' }
				$null = $state.Add($t)
				New-FwLabBag $t
			}
			Count = @{ Get = { $state.Count } }
		}
		$actions = @{
			Create = {
				param($type)
				if ($type -ne 0) { throw [ArgumentException]::new('Value does not fall within the expected range.') }
				$t = @{ Type = 0; Id = ''; Path = ''; Arguments = ''; WorkingDirectory = '' }
				$null = $state.Add($t)
				New-FwLabBag $t
			}
			Count = @{ Get = { $state.Count } }
		}
		$members = @{
			RegistrationInfo = @{ Get = { New-FwLabBag $state.info } }
			Principal = @{ Get = { New-FwLabBag $state.principal } }
			Settings = @{ Get = { New-FwLabBag $state.settings } }
			Triggers = @{ Get = [scriptblock]::Create(', $state.triggerObject') }
			Actions = @{ Get = [scriptblock]::Create(', $state.actionObject') }
		}
		$s.triggerObject = [PsEngine.ComObject]::new($triggers, $s.triggers)
		$s.actionObject = [PsEngine.ComObject]::new($actions, $s.actions)
		, [PsEngine.ComObject]::new($members, $s)
	}
	$scheduler = @{
		Connect = { $null = Invoke-FwLab schedule; $state.connected = $true }
		Connected = @{ Get = { $state.connected } }
		GetFolder = {
			param($path)
			if (-not $state.connected) { throw [Runtime.InteropServices.COMException]::new('not connected', -2147024809) }
			if ($path -ne '\') { throw [IO.FileNotFoundException]::new('The system cannot find the path specified.') }
			, [PsEngine.ComObject]::new($folder, $null)
		}
		NewTask = { New-FwLabDefinition }
	}
	function New-ComObject([string]$Id) {
		switch ($Id) {
			'HNetCfg.FwPolicy2' { return , [PsEngine.ComObject]::new($policy, $null) }
			'HNetCfg.FWRule' { return New-FwLabRule (Invoke-FwLab rule.new) }
			'Schedule.Service' { return , [PsEngine.ComObject]::new($scheduler, @{ connected = $false }) }
		}
		throw [Runtime.InteropServices.COMException]::new("Retrieving the COM class factory for component $Id failed.", -2147221164)
	}
	Invoke-FwLabHello
	Export-ModuleMember -Function *
} | Import-Module -Global
