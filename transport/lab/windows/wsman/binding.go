package wsman

import (
	"crypto"
	"crypto/md5"
	_ "crypto/sha256" // the hashes of certificates
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
)

// endPointBinding is the MD5 of the gss_channel_bindings structure that holds a
// certificate's tls-server-end-point (RFC 5929 section 4, RFC 4121 section 4.1.1.2).
func endPointBinding(certificate []byte) ([]byte, error) {
	c, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("wsman: the certificate: %w", err)
	}
	hash := crypto.SHA256
	switch c.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		hash = crypto.SHA512
	}
	h := hash.New()
	h.Write(certificate)
	data := h.Sum([]byte("tls-server-end-point:"))
	// No addresses: two types and two lengths, all zero.
	sum := md5.Sum(append(binary.LittleEndian.AppendUint32(make([]byte, 16), uint32(len(data))), data...))
	return sum[:], nil
}

// tlsConfig asks for client certificates where they may be used. TLS 1.3 is left
// out then, as on real hosts, whose listeners ask after the handshake.
func (s *Service) tlsConfig() *tls.Config {
	c := s.o.TLS.Clone()
	c.NextProtos = nil
	if s.o.Schemes.Certificate && c.ClientAuth == tls.NoClientCert {
		c.ClientAuth = tls.RequestClientCert
		c.MaxVersion = tls.VersionTLS12
	}
	return c
}
