# Waits for flows: perl -e THIS NONCE SECONDS FILE, with the ends on standard input. See
# listen.sh. It says which ends it could open, and goes on without whoever started it until
# the time is over or the file has gone. This text stands between two single quotes.
use strict;
use Socket qw(AF_INET AF_INET6 SOCK_STREAM SOCK_DGRAM SOL_SOCKET SO_REUSEADDR IPPROTO_IPV6 IPV6_V6ONLY
	inet_pton pack_sockaddr_in pack_sockaddr_in6);
use Errno qw(EADDRINUSE EADDRNOTAVAIL);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use POSIX qw(setsid);

my ($nonce, $seconds, $file) = @ARGV;
my $answer = "farmwall $nonce\n";
open my $clock, "<", "/proc/uptime" or die "there is no /proc/uptime: $!";

# Seconds of the clock that nobody can set.
sub now {
	sysseek $clock, 0, 0;
	sysread $clock, my $text, 40;
	return (split " ", $text)[0];
}

# A socket that waits there; nothing where that does not go, and $! says why.
sub waiting {
	my ($tcp, $address, $port) = @_;
	my $family = $address =~ /:/ ? AF_INET6 : AF_INET;
	socket my $s, $family, $tcp ? SOCK_STREAM : SOCK_DGRAM, 0 or return;
	# With it a connection that has just ended is no hindrance; a listener still is. Of UDP
	# it would let two share a port.
	setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1 if $tcp;
	setsockopt $s, IPPROTO_IPV6, IPV6_V6ONLY, 1 if $family == AF_INET6;
	my $ip = inet_pton($family, $address);
	bind $s, $family == AF_INET ? pack_sockaddr_in($port, $ip) : pack_sockaddr_in6($port, $ip) or return;
	if ($tcp) { listen $s, 128 or return }
	fcntl $s, F_SETFL, fcntl($s, F_GETFL, 0) | O_NONBLOCK;
	return $s;
}

my %sockets;
while (defined(my $line = <STDIN>)) {
	my ($n, $protocol, $address, $port) = split " ", $line;
	my $tcp = $protocol eq "tcp";
	my $s = waiting($tcp, $address, $port);
	# An address that is translated on the way is not the own one of this host.
	$s = waiting($tcp, $address =~ /:/ ? "::" : "0.0.0.0", $port) if !$s && $! == EADDRNOTAVAIL;
	if (!$s) {
		print "opened $n ", $! == EADDRINUSE ? "taken" : "$!", "\n";
		next;
	}
	$sockets{fileno $s} = [$s, $tcp];
	print "opened $n yes\n";
}
exit 0 if !%sockets;
$| = 1;
print "";
my $child = fork;
die "fork: $!" if !defined $child;
if ($child) {
	open my $note, ">", $file or die "$file: $!";
	print $note "$child\n";
	close $note or die "$file: $!";
	exit 0;
}
setsid;
open STDIN, "<", "/dev/null";
open STDOUT, ">", "/dev/null";
open STDERR, ">", "/dev/null";
$SIG{PIPE} = $SIG{HUP} = "IGNORE";
my $end = now() + $seconds;
my $begun = now() + 2; # by then the file is there
while (now() < $end && (-e $file || now() < $begun)) {
	my $in = "";
	vec($in, $_, 1) = 1 for keys %sockets;
	next if select($in, undef, undef, 0.25) <= 0;
	for my $at (keys %sockets) {
		next if !vec($in, $at, 1);
		my ($s, $tcp) = @{$sockets{$at}};
		if ($tcp) {
			while (accept my $c, $s) {
				syswrite $c, $answer;
				close $c;
			}
			next;
		}
		while (my $from = recv $s, my $said, 2000, 0) {
			# Two of our listeners must not talk to each other for ever.
			send $s, $answer, 0, $from if $said !~ /\Afarmwall /;
		}
	}
}
unlink $file;
