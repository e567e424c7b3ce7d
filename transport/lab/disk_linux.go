package lab

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// mounts makes the host's file system: the machine's own, read-only, with the
// host's disk over /etc, /root and /var, and memory over /run, /tmp and /dev/shm.
func (h *hostProcess) mounts() error {
	const plain = unix.MS_NOSUID | unix.MS_NODEV
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := readOnly(); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", plain|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	at := diskOf(h.Dir, h.Index)
	if err := unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_BIND|plain, ""); err != nil {
		return fmt.Errorf("make the disk writable: %w", err)
	}
	if h.Boot == 1 {
		if err := h.makeDisk(at); err != nil {
			return fmt.Errorf("make the disk: %w", err)
		}
	}
	return h.mountDisk(at)
}

// readOnly protects the machine's own files from the host's root, who is the
// machine's root where that one brought the lab up.
func readOnly() error {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &attr)
	if errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("%w: the kernel is older than 5.12", ErrUnsupported)
	}
	if err != nil {
		return fmt.Errorf("make the machine's files read-only: %w", err)
	}
	return nil
}

// mountDisk puts the disk's folders over the machine's. The lab's folder may
// lie under one of those, so the disk is held by descriptors.
func (h *hostProcess) mountDisk(at string) error {
	const plain = unix.MS_NOSUID | unix.MS_NODEV
	disk, err := unix.Open(at, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(disk)
	all, err := unix.Open(filepath.Dir(at), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(all)
	on := func(name string) string { return fmt.Sprintf("/proc/self/fd/%d/%s", disk, name) }

	if err := os.WriteFile(on("boot_id"), []byte(newUUID()+"\n"), 0o444); err != nil && !errors.Is(err, unix.ENOSPC) {
		return err
	}
	binds := [][2]string{
		{"/etc/alternatives", on("etc/alternatives")}, // programs of the machine are links through it
		{"/etc/ld.so.cache", on("etc/ld.so.cache")},
		{on("etc"), "/etc"}, {on("root"), "/root"}, {on("var"), "/var"},
		{on("boot_id"), "/proc/sys/kernel/random/boot_id"},
	}
	for _, b := range binds {
		err := unix.Mount(b[0], b[1], "", unix.MS_BIND|unix.MS_REC, "")
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("mount %s: %w", b[1], err)
		}
	}
	for _, at := range []string{"/run", "/tmp", "/dev/shm"} {
		options := "mode=1777"
		if at == "/run" {
			options = sizeOption(h.DiskKB)
		}
		if err := unix.Mount("tmpfs", at, "tmpfs", plain, options); err != nil {
			return fmt.Errorf("mount %s: %w", at, err)
		}
	}
	// /sys shows the network of whoever mounted it. Where the machine forbids a new
	// one, the host sees the machine's, read-only.
	unix.Mount("sysfs", "/sys", "sysfs", plain|unix.MS_NOEXEC|unix.MS_RDONLY, "")
	if err := os.Mkdir("/run/lock", 0o755); err != nil {
		return err
	}
	if err := unix.Unmount(fmt.Sprintf("/proc/self/fd/%d", all), unix.MNT_DETACH); err != nil {
		return fmt.Errorf("take the other hosts' disks away: %w", err)
	}
	return nil
}

// atBoot is where the script of a HostSpec is; a boot runs what is in that folder.
const atBoot = "etc/rcS.d/S10at-boot"

// makeDisk lays out a Debian-like host without systemd.
func (h *hostProcess) makeDisk(at string) error {
	for _, d := range strings.Fields(`etc/alternatives etc/default etc/init.d etc/network etc/ssh
		etc/rc0.d etc/rc1.d etc/rc2.d etc/rc3.d etc/rc4.d etc/rc5.d etc/rc6.d etc/rcS.d
		root var/cache var/lib var/log var/spool var/tmp`) {
		if err := os.MkdirAll(filepath.Join(at, d), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(at, "root"), 0o700); err != nil {
		return err
	}
	for link, to := range map[string]string{"var/run": "/run", "var/lock": "/run/lock", "etc/mtab": "/proc/self/mounts"} {
		if err := os.Symlink(to, filepath.Join(at, link)); err != nil {
			return err
		}
	}
	files := map[string]string{
		"boot_id":              "",
		"etc/ld.so.cache":      "",
		"etc/hostname":         h.Name + "\n",
		"etc/hosts":            "127.0.0.1 localhost\n::1 localhost\n" + h.Addresses[0].String() + " " + h.Name + "\n",
		"etc/machine-id":       strings.ReplaceAll(newUUID(), "-", "") + "\n",
		"etc/nsswitch.conf":    "passwd: files\ngroup: files\nshadow: files\nhosts: files\nprotocols: files\nservices: files\n",
		"etc/os-release":       "ID=lab\nID_LIKE=debian\nNAME=\"farmwall lab\"\nPRETTY_NAME=\"farmwall lab\"\n",
		"etc/passwd":           "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
		"etc/group":            "root:x:0:\nadm:x:4:\nnogroup:x:65534:\n",
		"etc/shadow":           "root:*:19000:0:99999:7:::\nsshd:!:19000::::::\nnobody:*:19000:0:99999:7:::\n",
		"etc/protocols":        "ip 0 IP\nicmp 1 ICMP\nigmp 2 IGMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\nvrrp 112 VRRP\n",
		"etc/ssh/host_key":     h.Key.Private,
		"etc/ssh/host_key.pub": h.Key.Public + "\n",
		"etc/ssh/authorized":   h.Authorized + "\n",
	}
	if h.Ruleset != "" {
		files["etc/nftables.conf"] = h.Ruleset
	}
	if h.AtBoot != "" {
		files[atBoot] = h.AtBoot
	}
	for name, text := range files {
		mode := os.FileMode(0o644)
		if name == atBoot {
			mode = 0o755
		}
		if name == "etc/shadow" || name == "etc/ssh/host_key" {
			mode = 0o600
		}
		if err := os.WriteFile(filepath.Join(at, name), []byte(text), mode); err != nil {
			return err
		}
	}
	return nil
}

// newUUID is a random UUID (version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
