package ssh

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"farmwall/rules"
	"farmwall/transport"

	"golang.org/x/crypto/ssh"
)

//go:embed readonly.sh
var readOnly string

// readOnlyPath is where the program is put on a host.
const readOnlyPath = "/usr/local/sbin/farmwall-readonly"

// ReadOnly makes what lets an SSH key run one script on a host and nothing else: the
// program that the key is forced to, and the line for authorized_keys. The script must
// not take its meaning from its input. version is the program's own, for messages.
func ReadOnly(s rules.Script, version string, key ssh.PublicKey, comment string) (program, line string, err error) {
	var sums []string
	for _, sudo := range []transport.Sudo{{}, {Use: true}} {
		call, err := transport.Sh(s, sudo)
		if err != nil {
			return "", "", err
		}
		sum := sha256.Sum256([]byte(call.Command))
		sums = append(sums, hex.EncodeToString(sum[:]))
	}
	if strings.ContainsAny(version+comment, "\n\r\"\\$`'") {
		return "", "", fmt.Errorf("the version %q or the key's comment %q cannot stand in a file on a host", version, comment)
	}
	line = fmt.Sprintf("restrict,command=%q %s", readOnlyPath, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))))
	if comment != "" {
		line += " " + comment
	}
	return strings.NewReplacer("LINE", line, "VERSION", version, "SUMS", strings.Join(sums, " | ")).Replace(readOnly), line, nil
}

// ReadPublicKey reads a file like id_ed25519.pub.
func ReadPublicKey(path string) (key ssh.PublicKey, comment string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	if key, comment, _, _, err = ssh.ParseAuthorizedKey(text); err != nil {
		return nil, "", fmt.Errorf("%s holds no public key (it is the file that ends in .pub): %w", path, err)
	}
	return key, comment, nil
}
