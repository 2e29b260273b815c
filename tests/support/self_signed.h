// A certificate that nobody vouches for, and its key, which protects nothing: of a server on this machine
// that must not be trusted.
#pragma once

#include <QSslCertificate>
#include <QSslConfiguration>
#include <QSslKey>

namespace switchyard::test {

inline QSslConfiguration selfSigned() {
    QSslConfiguration configuration = QSslConfiguration::defaultConfiguration();
    configuration.setLocalCertificate(
        QSslCertificate("-----BEGIN CERTIFICATE-----\n"
                        "MIIBkDCCATagAwIBAgIUSkhzlhMXEW0MzYgN0/HXvdwPnYwwCgYIKoZIzj0EAwIw\n"
                        "FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyOTEwNTQ1NVoYDzIxMjYxMTA1\n"
                        "MTA1NDU1WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO\n"
                        "PQMBBwNCAASrD2ymVPX+D/Cfkp1qH9Hgexcy/wNfBANxtw9BPYv9idFEFl2yVVfe\n"
                        "o5RBGChcVKOSciRP20/zHGCW26i8ajXbo2QwYjAdBgNVHQ4EFgQUyOH5Bx01Jdg5\n"
                        "5n59uctB1lBGxmMwHwYDVR0jBBgwFoAUyOH5Bx01Jdg55n59uctB1lBGxmMwDwYD\n"
                        "VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC\n"
                        "IQDEManKfjE+iN2XFQzkhEIhsgQAPZ63aPIZbJrX06tl2QIgQ5EkuMJQ49Iw4wP1\n"
                        "3DoBiUtL7C1emNsezZZFtOACM+Q=\n"
                        "-----END CERTIFICATE-----\n"));
    configuration.setPrivateKey(QSslKey("-----BEGIN PRIVATE KEY-----\n"
                                        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh9T3F/nJcbEFwZGt\n"
                                        "7LGuA/ydvNQahAcXTLBYM2dHBp2hRANCAASrD2ymVPX+D/Cfkp1qH9Hgexcy/wNf\n"
                                        "BANxtw9BPYv9idFEFl2yVVfeo5RBGChcVKOSciRP20/zHGCW26i8ajXb\n"
                                        "-----END PRIVATE KEY-----\n",
                                        QSsl::Ec));
    configuration.setPeerVerifyMode(QSslSocket::VerifyNone);
    return configuration;
}

} // namespace switchyard::test
