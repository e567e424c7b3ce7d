# What only Windows has, one small function each. A test that runs these scripts
# elsewhere defines the same names before; everything else here is real code there too.
# The objects HNetCfg.FwPolicy2, HNetCfg.FWRule and Schedule.Service are made by New-Object.

# A registry key below HKLM: value name -> value, $null where it is missing.
if (-not (Test-Path Function:\Read-FwKey)) { function Read-FwKey([string]$Path) {
	$key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey($Path)
	if ($null -eq $key) { return $null }
	$values = New-Object Collections.Hashtable ([StringComparer]::OrdinalIgnoreCase)
	foreach ($name in $key.GetValueNames()) { $values[$name] = $key.GetValue($name, $null, 'DoNotExpandEnvironmentNames') }
	$key.Close()
	return $values
} }

# How many values a registry key holds; 0 where it is missing.
if (-not (Test-Path Function:\Measure-FwKey)) { function Measure-FwKey([string]$Path) {
	$key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey($Path)
	if ($null -eq $key) { return 0 }
	$key.ValueCount
	$key.Close()
} }

# Running, Stopped, Missing, or Unknown: an ordinary user may not ask over the network.
if (-not (Test-Path Function:\Get-FwService)) { function Get-FwService([string]$Name) {
	Add-Type -AssemblyName System.ServiceProcess
	$service = New-Object ServiceProcess.ServiceController $Name
	try { $status = [string]$service.Status } catch {
		$base = $_.Exception.GetBaseException()
		if ($base -is [ComponentModel.Win32Exception] -and $base.NativeErrorCode -eq 1060) { return 'Missing' }
		return 'Unknown'
	}
	if ($status -eq 'Running' -or $status -eq 'Stopped') { return $status }
	return 'Unknown'
} }

# Whether this process has the rights of an administrator.
if (-not (Test-Path Function:\Test-FwAdmin)) { function Test-FwAdmin {
	$who = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
	$who.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
} }

if (-not (Test-Path Function:\Get-FwUser)) { function Get-FwUser {
	[Security.Principal.WindowsIdentity]::GetCurrent().Name
} }

# system, for people, and version, MAJOR.MINOR.BUILD.
if (-not (Test-Path Function:\Get-FwSystem)) { function Get-FwSystem {
	$nt = Read-FwKey 'SOFTWARE\Microsoft\Windows NT\CurrentVersion'
	$version = '{0}.{1}' -f $nt['CurrentMajorVersionNumber'], $nt['CurrentMinorVersionNumber']
	if ($version -eq '.') { $version = [string]$nt['CurrentVersion'] }
	@{ system = 'Microsoft ' + $nt['ProductName']; version = $version + '.' + $nt['CurrentBuildNumber'] }
} }

# A text that is another one after each boot; empty where the host does not count them.
if (-not (Test-Path Function:\Get-FwBoot)) { function Get-FwBoot {
	$counted = Read-FwKey 'SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters'
	if ($null -ne $counted -and $null -ne $counted['BootId']) { return [string]$counted['BootId'] }
	return ''
} }

# Milliseconds of the clock that nobody can set; it begins again with each boot.
if (-not (Test-Path Function:\Get-FwUptime)) { function Get-FwUptime {
	[long]([Diagnostics.Stopwatch]::GetTimestamp() / ([Diagnostics.Stopwatch]::Frequency / 1000.0))
} }

# One table for each adapter: name, index, up, loopback, guid, type (lan, wireless,
# remoteaccess or empty), profile (its bit, 0 where it is not known), and the lists addresses
# (with prefix length), gateways, dns, dhcp, wins.
if (-not (Test-Path Function:\Get-FwInterfaces)) { function Get-FwInterfaces {
	$profiles = @{}
	try {
		# The Network List Manager; its categories are 0 public, 1 private, 2 domain.
		$list = [Activator]::CreateInstance([Type]::GetTypeFromCLSID([Guid]'DCB00C01-570F-4A9B-8D69-199FDBA5723B'))
		foreach ($c in $list.GetNetworkConnections()) {
			$profiles['{' + ([string]$c.GetAdapterId()).Trim('{}') + '}'] = (4, 2, 1)[$c.GetNetwork().GetCategory()]
		}
	} catch { $profiles = @{} }
	$types = @{ Ethernet = 'lan'; GigabitEthernet = 'lan'; Wireless80211 = 'wireless'; Ppp = 'remoteaccess' }
	foreach ($adapter in [Net.NetworkInformation.NetworkInterface]::GetAllNetworkInterfaces()) {
		$ip = $adapter.GetIPProperties()
		$index = 0
		try { $index = $ip.GetIPv4Properties().Index } catch { try { $index = $ip.GetIPv6Properties().Index } catch { $index = 0 } }
		@{
			name = $adapter.Name
			index = $index
			up = [string]$adapter.OperationalStatus -eq 'Up'
			loopback = [string]$adapter.NetworkInterfaceType -eq 'Loopback'
			guid = $adapter.Id
			type = [string]$types[[string]$adapter.NetworkInterfaceType]
			profile = [int]$profiles[[string]$adapter.Id]
			addresses = @(foreach ($a in $ip.UnicastAddresses) { '{0}/{1}' -f $a.Address, $a.PrefixLength })
			gateways = @(foreach ($a in $ip.GatewayAddresses) { [string]$a.Address })
			dns = @(foreach ($a in $ip.DnsAddresses) { [string]$a })
			dhcp = @(foreach ($a in $ip.DhcpServerAddresses) { [string]$a })
			wins = @(foreach ($a in $ip.WinsServersAddresses) { [string]$a })
		}
	}
} }

# One table for each established TCP connection: client and local, Net.IPEndPoint both.
if (-not (Test-Path Function:\Get-FwSockets)) { function Get-FwSockets {
	foreach ($c in [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties().GetActiveTcpConnections()) {
		if ([string]$c.State -eq 'Established') { @{ client = $c.RemoteEndPoint; local = $c.LocalEndPoint } }
	}
} }

# One list for each socket that waits: protocol, address, port, all of them texts.
if (-not (Test-Path Function:\Get-FwListeners)) { function Get-FwListeners {
	$all = [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()
	foreach ($e in $all.GetActiveTcpListeners()) { , @('tcp', [string]$e.Address, [string]$e.Port) }
	foreach ($e in $all.GetActiveUdpListeners()) { , @('udp', [string]$e.Address, [string]$e.Port) }
} }

# The address from which flows of a family are opened; nothing leaves it to the routes.
if (-not (Test-Path Function:\Get-FwSource)) { function Get-FwSource([string]$Family) { return $null } }

# Our folder. ProgramW6432 is the real one in a 32-bit process too.
if (-not (Test-Path Function:\Get-FwFolder)) { function Get-FwFolder {
	$programs = $env:ProgramW6432
	if (-not $programs) { $programs = [Environment]::GetFolderPath('ProgramFiles') }
	[IO.Path]::Combine($programs, 'farmwall')
} }

# Why a folder must not be trusted; empty where it may be, or where there is none.
# Only SYSTEM (S-1-5-18) and Administrators (S-1-5-32-544) may own it or write into it;
# TrustedInstaller and CREATOR OWNER have what all folders below Program Files give them.
if (-not (Test-Path Function:\Test-FwFolder)) { function Test-FwFolder([string]$Path) {
	try { $mode = [IO.File]::GetAttributes($Path) } catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException] { return '' }
	if ($mode -band [IO.FileAttributes]::ReparsePoint) { return "$Path is a link; look at it and remove it" }
	if (-not ($mode -band [IO.FileAttributes]::Directory)) { return "$Path is no folder; look at it and remove it" }
	$acl = (New-Object IO.DirectoryInfo $Path).GetAccessControl()
	$owner = [string]$acl.GetOwner([Security.Principal.SecurityIdentifier])
	$trusted = 'S-1-5-18', 'S-1-5-32-544'
	if ($trusted -notcontains $owner) { return "$Path belongs to $owner, not to Administrators; look at it and remove it" }
	$trusted += 'S-1-3-0', 'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464'
	# Reading in all its forms is harmless; the two last numbers are GENERIC_READ and GENERIC_EXECUTE.
	$reading = [int][Security.AccessControl.FileSystemRights]'ReadAndExecute, Synchronize'
	foreach ($rule in $acl.GetAccessRules($true, $true, [Security.Principal.SecurityIdentifier])) {
		if ([string]$rule.AccessControlType -ne 'Allow' -or $trusted -contains [string]$rule.IdentityReference) { continue }
		$more = [int]$rule.FileSystemRights -band -bnot $reading -band -bnot [int]0x80000000 -band -bnot 0x20000000
		if ($more) { return "$($rule.IdentityReference) may write into $Path; look at it and remove it" }
	}
	return ''
} }

# Makes sure of a folder that only SYSTEM and Administrators can look into; says why not.
if (-not (Test-Path Function:\Protect-FwFolder)) { function Protect-FwFolder([string]$Path) {
	$why = Test-FwFolder $Path
	if ($why) { return $why }
	$acl = New-Object Security.AccessControl.DirectorySecurity
	$acl.SetAccessRuleProtection($true, $false)
	$acl.SetOwner((New-Object Security.Principal.SecurityIdentifier 'S-1-5-32-544'))
	foreach ($sid in 'S-1-5-18', 'S-1-5-32-544') {
		$acl.AddAccessRule((New-Object Security.AccessControl.FileSystemAccessRule (
			(New-Object Security.Principal.SecurityIdentifier $sid), 'FullControl', 'ContainerInherit, ObjectInherit', 'None', 'Allow')))
	}
	# Where it is there already, Create leaves its rights as they are.
	$folder = New-Object IO.DirectoryInfo $Path
	if (-not $folder.Exists) { $folder.Create($acl) } else { $folder.SetAccessControl($acl) }
	return Test-FwFolder $Path
} }

# When a process began, as text; empty where there is none, "?" where it may not be asked.
if (-not (Test-Path Function:\Get-FwStart)) { function Get-FwStart([int]$Id) {
	try { $process = [Diagnostics.Process]::GetProcessById($Id) } catch { return '' }
	try { [string]$process.StartTime.ToFileTimeUtc() } catch { if ($process.HasExited) { '' } else { '?' } }
} }

# Ends a process and all that it started, if it is the one that began then. The times
# are in 100 ns; where they are computed, they may differ by a little.
if (-not (Test-Path Function:\Stop-FwTree)) { function Stop-FwTree([int]$Id, [string]$Start) {
	$began = Get-FwStart $Id
	if ($began -notmatch '\A[0-9]+\z' -or $Start -notmatch '\A[0-9]+\z' -or [Math]::Abs([long]$began - [long]$Start) -gt 10000000) { return }
	$ErrorActionPreference = 'SilentlyContinue' # what it says on stderr is no error of ours
	$taskkill = [IO.Path]::Combine([Environment]::SystemDirectory, 'taskkill.exe')
	$null = & $taskkill /T /F /PID $Id 2>$null
} }

# Starts a process outside this session.
if (-not (Test-Path Function:\Start-FwProcess)) { function Start-FwProcess([string]$Line) {
	$null = Invoke-WmiMethod -Class Win32_Process -Name Create -ArgumentList $Line
} }

# What the WinRM listener of this host answers to a request: status, and the schemes that
# it offers. With Logon the request signs on as this user and is not sealed.
if (-not (Test-Path Function:\Send-FwHttp)) { function Send-FwHttp([string]$Method, [bool]$Logon, [string]$Text) {
	$request = [Net.WebRequest]::Create('http://localhost:5985/wsman')
	$request.Method = $Method
	$request.Timeout = 10000
	$request.Proxy = $null
	$request.UseDefaultCredentials = $Logon
	if ($Method -eq 'POST') {
		$bytes = [Text.Encoding]::UTF8.GetBytes($Text)
		$request.ContentType = 'application/soap+xml;charset=UTF-8'
		$request.ContentLength = $bytes.Length
		if ($bytes.Length) {
			$stream = $request.GetRequestStream()
			$stream.Write($bytes, 0, $bytes.Length)
			$stream.Close()
		}
	}
	try { $response = $request.GetResponse() } catch {
		$response = $_.Exception.GetBaseException().Response
		if ($null -eq $response) { throw }
	}
	@{ status = [int]$response.StatusCode; schemes = @($response.Headers.GetValues('WWW-Authenticate') | ForEach-Object { ([string]$_ -split ' ')[0] }) }
	$response.Close()
} }
