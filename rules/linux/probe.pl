# Opens flows: perl -e THIS WAIT-MS AT-ONCE NONCE, with the ends on standard input. See
# probe.sh for the lines in and out. This text stands between two single quotes, so it
# holds none; and it has only what the package perl-base has.
use strict;
use Socket qw(AF_INET AF_INET6 SOCK_STREAM SOCK_DGRAM SOL_SOCKET SO_ERROR inet_pton inet_ntop
	pack_sockaddr_in pack_sockaddr_in6 unpack_sockaddr_in unpack_sockaddr_in6 sockaddr_family);
use Errno qw(EINPROGRESS ECONNREFUSED ECONNRESET ETIMEDOUT EMFILE ENFILE EAGAIN EINTR ENOBUFS);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);

my ($wait, $most, $nonce) = @ARGV;
$wait /= 1000;
$| = 0;
open my $clock, "<", "/proc/uptime" or die "there is no /proc/uptime: $!";

# Seconds of the clock that nobody can set.
sub now {
	sysseek $clock, 0, 0;
	sysread $clock, my $text, 40;
	return (split " ", $text)[0];
}

# What an error number means for a flow.
sub word {
	my $code = shift;
	return "refused" if $code == ECONNREFUSED || $code == ECONNRESET;
	return "filtered" if $code == ETIMEDOUT;
	return "unreachable";
}

sub told {
	my ($flow, $word, $text) = @_;
	my $local = "-";
	my $name = $flow->{socket} && getsockname $flow->{socket};
	if ($name) {
		my ($port, $ip) = sockaddr_family($name) == AF_INET ? unpack_sockaddr_in($name) : unpack_sockaddr_in6($name);
		$local = inet_ntop(sockaddr_family($name), $ip) if $port;
	}
	my $ours = $flow->{ours} || "-";
	print "reply $flow->{n} $word $local $ours", defined $text ? " $text" : "", "\n";
	close $flow->{socket} if $flow->{socket};
}

sub failed {
	my ($flow, $code) = @_;
	local $! = $code;
	my $word = word($code);
	told($flow, $word, $word eq "refused" ? undef : "$!");
}

# Whose words an answer is.
sub whose {
	my $said = shift;
	return $said =~ /\Afarmwall ([a-z0-9]+)\n/ ? $1 eq $nonce ? "ours" : "earlier" : "-";
}

my (%open, @later);

# Begins with a flow; false where there is no room for it now.
sub begin {
	my $flow = shift;
	my $family = $flow->{address} =~ /:/ ? AF_INET6 : AF_INET;
	if (!socket $flow->{socket}, $family, $flow->{tcp} ? SOCK_STREAM : SOCK_DGRAM, 0) {
		return 0 if ($! == EMFILE || $! == ENFILE || $! == ENOBUFS) && %open;
		failed($flow, $!);
		return 1;
	}
	fcntl $flow->{socket}, F_SETFL, fcntl($flow->{socket}, F_GETFL, 0) | O_NONBLOCK;
	my $ip = inet_pton($family, $flow->{address});
	my $to = $family == AF_INET ? pack_sockaddr_in($flow->{port}, $ip) : pack_sockaddr_in6($flow->{port}, $ip);
	my $done = connect $flow->{socket}, $to;
	if (!$done && $! != EINPROGRESS) {
		failed($flow, $!);
		return 1;
	}
	$flow->{end} = now() + $wait;
	$flow->{again} = now() + $wait / 3;
	$flow->{reads} = !$flow->{tcp};
	if (!$flow->{tcp} && !defined syswrite $flow->{socket}, "\n") {
		failed($flow, $!);
		return 1;
	}
	$open{fileno $flow->{socket}} = $flow;
	return 1;
}

sub ended {
	my ($flow, @how) = @_;
	delete $open{fileno $flow->{socket}};
	told($flow, @how);
}

sub broke {
	my ($flow, $code) = @_;
	delete $open{fileno $flow->{socket}};
	failed($flow, $code);
}

# A connection came about, or failed.
sub writable {
	my $flow = shift;
	my $code = unpack "i", getsockopt $flow->{socket}, SOL_SOCKET, SO_ERROR;
	return broke($flow, $code) if $code;
	return ended($flow, "connected") if !$flow->{hears};
	$flow->{reads} = 1;
	$flow->{end} = now() + $wait;
}

sub readable {
	my $flow = shift;
	my $said = "";
	my $got = sysread $flow->{socket}, $said, 2000;
	if (!defined $got) {
		return if $! == EAGAIN || $! == EINTR;
		return broke($flow, $!) if !$flow->{tcp};
	}
	$flow->{ours} = whose($said);
	ended($flow, "connected");
}

while (defined(my $line = <STDIN>)) {
	my ($n, $protocol, $address, $port, $hears) = split " ", $line;
	push @later, { n => $n, tcp => $protocol eq "tcp", address => $address, port => $port, hears => $hears eq "listener" };
}
while (@later || %open) {
	while (@later && keys %open < $most) {
		last if !begin($later[0]);
		shift @later;
	}
	my ($in, $out, $next) = ("", "", now() + 1);
	for my $flow (values %open) {
		vec($flow->{reads} ? $in : $out, fileno $flow->{socket}, 1) = 1;
		$next = $flow->{end} if $flow->{end} < $next;
		$next = $flow->{again} if !$flow->{tcp} && $flow->{again} < $next;
	}
	my $left = $next - now();
	my $found = select $in, $out, undef, $left > 0.01 ? $left : 0.01;
	my $now = now();
	for my $flow (values %{{ %open }}) {
		my $at = fileno $flow->{socket};
		if ($found > 0 && vec($in, $at, 1)) { readable($flow); next }
		if ($found > 0 && vec($out, $at, 1)) { writable($flow); next }
		if ($now >= $flow->{end}) {
			ended($flow, $flow->{tcp} ? $flow->{reads} ? "connected" : "filtered" : "silent");
			next;
		}
		if (!$flow->{tcp} && $now >= $flow->{again}) {
			# A datagram may get lost, and so may the word that nobody wants it.
			$flow->{again} = $now + $wait / 3;
			broke($flow, $!) if !defined syswrite $flow->{socket}, "\n";
		}
	}
}
