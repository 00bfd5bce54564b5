/* Adds the certificates of a DER file to the user's trusted CAs, or removes them. Arguments: add or remove, the file. */
#include <stdio.h>
#include <string.h>
#include <windows.h>
#include <wincrypt.h>

int main(int argc, char **argv) {
    BYTE der[16384];
    if (argc != 3) return 2;
    FILE *file = fopen(argv[2], "rb");
    if (file == NULL) return 2;
    DWORD size = (DWORD)fread(der, 1, sizeof der, file);
    fclose(file);
    HCERTSTORE store = CertOpenStore(CERT_STORE_PROV_SYSTEM_A, 0, 0, CERT_SYSTEM_STORE_CURRENT_USER, "ROOT");
    PCCERT_CONTEXT certificate = CertCreateCertificateContext(X509_ASN_ENCODING, der, size);
    if (store == NULL || certificate == NULL) return 3;
    if (strcmp(argv[1], "add") == 0) {
        if (!CertAddCertificateContextToStore(store, certificate, CERT_STORE_ADD_REPLACE_EXISTING, NULL)) return 4;
    } else {
        PCCERT_CONTEXT there = CertFindCertificateInStore(store, X509_ASN_ENCODING, 0, CERT_FIND_EXISTING, certificate, NULL);
        if (there == NULL || !CertDeleteCertificateFromStore(there)) return 4;
    }
    CertFreeCertificateContext(certificate);
    return CertCloseStore(store, 0) ? 0 : 5;
}
