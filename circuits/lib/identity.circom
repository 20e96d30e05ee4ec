// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "bitmap.circom";
include "commitment.circom";
include "cosine.circom";
include "eddsa_poseidon.circom";
include "interval_list.circom";
include "packing.circom";
include "poseidon.circom";
include "range.circom";

// Domains, as numbers whose bytes are the ASCII text; keepers/apps/identity/credential.ts has the same.
function identity_credential_domain() {
    return 2217478775897702744003617885711560844862304049; // cohort/credential/1
}

function identity_template_domain() {
    return 33836040891993755329119644436843454607153; // cohort/template/1
}

function identity_capture_domain() {
    return 132172034734350606440491580314121219889; // cohort/capture/1
}

// Bits of a date, which is the number yyyymmdd.
function identity_date_bits() {
    return 27;
}

// Bits of an element of a template: -128 .. 127, stored as an offset from -128.
function identity_template_bits() {
    return 8;
}

// SignedCredential(): the message of a credential, and that the key (keyX, keyY), an issuer's, signed it:
//   Poseidon(domain, id, holder, document, born, country, expires, face, cameraX, cameraY).
//
// Does NOT enforce: whose key it is (the caller shows keyY; (-keyX, keyY) has the same owner), or the ranges of the fields.
template SignedCredential() {
    signal input id;
    signal input holder;
    signal input document;
    signal input born;
    signal input country;
    signal input expires;
    signal input face;
    signal input camera[2];
    signal input keyX;
    signal input keyY;
    signal input R[2];
    signal input S;

    component message = Poseidon(10);
    message.in[0] <== identity_credential_domain();
    message.in[1] <== id;
    message.in[2] <== holder;
    message.in[3] <== document;
    message.in[4] <== born;
    message.in[5] <== country;
    message.in[6] <== expires;
    message.in[7] <== face;
    message.in[8] <== camera[0];
    message.in[9] <== camera[1];
    component signature = EddsaPoseidon();
    signature.keyX <== keyX;
    signature.keyY <== keyY;
    signature.Rx <== R[0];
    signature.Ry <== R[1];
    signature.S <== S;
    signature.message <== message.out;
}

// Identity(depth, n, bits, numerator, denominator): the person before the camera is the one whose document an accepted issuer
// certified, and meets the conditions below. The circuit around it provides the embedding, which a network computed from the
// picture, and the picture's commitment.
//
//   issuer           y of the key that signed the credential
//   sanctionsRoot    the document is not in the list with this root
//   revocationsRoot  the credential's id is not in the list with this root
//   nullifier        Poseidon(secret, application); Poseidon(secret) is the credential's holder
//   context          what the picture was taken for: the credential's camera signed Poseidon(domain, picture, context)
//   dates            2^32 bornBy + through: born on `bornBy` or earlier, and valid on `through`. Dates are yyyymmdd.
//   countries        a bitmap in which the bit of the document's country (ISO 3166-1 numeric) is set
//   embedding        its cosine with the credential's template is at least sqrt(numerator / denominator)
//
// Does NOT enforce: that embedding and picture belong together, or that the embedding is in range, |embedding_i| n 2^7 < 2^bits (the
// caller's network does); that a camera's key signs only what its sensor saw; that an issuer certifies only what is true.
template Identity(depth, n, bits, numerator, denominator) {
    signal input issuer;
    signal input sanctionsRoot;
    signal input revocationsRoot;
    signal input application;
    signal input nullifier;
    signal input context;
    signal input dates;
    signal input countries[4];
    // The credential.
    signal input id;
    signal input secret;
    signal input document;
    signal input born;
    signal input country;
    signal input expires;
    signal input face[n];
    signal input faceSalt;
    signal input camera[2];
    signal input issuerX;
    signal input issuerR[2];
    signal input issuerS;
    // The picture.
    signal input embedding[n];
    signal input picture;
    signal input cameraR[2];
    signal input cameraS;
    // Witnesses for the places in the two lists.
    signal input sanctionsLow;
    signal input sanctionsNext;
    signal input sanctionsBit[depth];
    signal input sanctionsSibling[depth];
    signal input revocationsLow;
    signal input revocationsNext;
    signal input revocationsBit[depth];
    signal input revocationsSibling[depth];

    // The face in the credential: its elements, as offsets from -128, are ranged, packed and committed to.
    component packed = RangedPack(n, identity_template_bits());
    packed.in <== face;
    var elements = (n + 30) \ 31;
    component faceCommitment = Commitment(identity_template_domain(), elements);
    faceCommitment.salt <== faceSalt;
    faceCommitment.in <== packed.out;

    component holder = Poseidon(1);
    holder.in[0] <== secret;
    component credential = SignedCredential();
    credential.id <== id;
    credential.holder <== holder.out;
    credential.document <== document;
    credential.born <== born;
    credential.country <== country;
    credential.expires <== expires;
    credential.face <== faceCommitment.out;
    credential.camera <== camera;
    credential.keyX <== issuerX;
    credential.keyY <== issuer;
    credential.R <== issuerR;
    credential.S <== issuerS;

    // The nullifier: one account for each application.
    component mark = Poseidon(2);
    mark.in[0] <== secret;
    mark.in[1] <== application;
    mark.out === nullifier;

    // The credential's camera took the picture for this context.
    component taken = Poseidon(3);
    taken.in[0] <== identity_capture_domain();
    taken.in[1] <== picture;
    taken.in[2] <== context;
    component capture = EddsaPoseidon();
    capture.keyX <== camera[0];
    capture.keyY <== camera[1];
    capture.Rx <== cameraR[0];
    capture.Ry <== cameraR[1];
    capture.S <== cameraS;
    capture.message <== taken.out;

    // The picture shows the credential's face.
    component same = CosineAtLeast(n, bits, numerator, denominator);
    for (var i = 0; i < n; i++) {
        same.a[i] <== embedding[i];
        same.b[i] <== face[i] - 128;
    }

    // Dates: both halves of `dates` are ranged, so no other halves have the same sum.
    signal bornBy;
    bornBy <-- dates >> 32;
    signal through;
    through <-- dates & ((1 << 32) - 1);
    dates === bornBy * (1 << 32) + through;
    component date[6];
    var ranged[6] = [bornBy, through, born, expires, bornBy - born, expires - through];
    for (var i = 0; i < 6; i++) {
        date[i] = Range(0, identity_date_bits());
        date[i].in <== ranged[i];
    }

    component allowed = InBitmap(4);
    allowed.index <== country;
    allowed.word <== countries;

    component unsanctioned = NotInList(depth);
    unsanctioned.value <== document;
    unsanctioned.low <== sanctionsLow;
    unsanctioned.next <== sanctionsNext;
    unsanctioned.bit <== sanctionsBit;
    unsanctioned.sibling <== sanctionsSibling;
    unsanctioned.out === sanctionsRoot;

    component unrevoked = NotInList(depth);
    unrevoked.value <== id;
    unrevoked.low <== revocationsLow;
    unrevoked.next <== revocationsNext;
    unrevoked.bit <== revocationsBit;
    unrevoked.sibling <== revocationsSibling;
    unrevoked.out === revocationsRoot;
}
