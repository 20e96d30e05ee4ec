// SPDX-License-Identifier: GPL-3.0-or-later
// Decides who lied: the dealer of a share, or the member that complains about it. The complainer publishes the X25519 shared secret of the share's
// envelope, with a proof that it is the right one. Then everybody can open the share. The complainer's key stays secret, and so does every other
// share that was sealed to it.
import { openSharedSecret, proveSharedSecret, SHARED_SECRET_PROOF_BYTES } from './curve.ts'
import { checkDealt } from './dealing-check.ts'
import { hash } from './encoding.ts'
import type { Engine } from './engine.ts'
import { isKeyOf, openWith, readEnvelope } from './envelope.ts'
import { blaming, FheError, type FheErrorCode } from './errors.ts'
import { frameOf, readDealt } from './key-frame.ts'
import { decodeDealing, type KeyGenerationFrame, keyHashOf } from './key-messages.ts'
import type { Secret } from './secret.ts'
import type { KeyGenerationGround } from './types.ts'

/** Bytes of what `openComplaint` gives. */
export const EVIDENCE_BYTES = SHARED_SECRET_PROOF_BYTES

/** A dealing, and the share of it that somebody complains about. */
export type ComplaintSubject = KeyGenerationGround & {
  /** The dealer. */
  readonly accused: number
  readonly dealing: Uint8Array
}

/** Faults that only the receiver can see and must prove with `openComplaint`. */
const SHOWN_BY_EVIDENCE: readonly FheErrorCode[] = [
  'sealed-share-unreadable',
  'coefficient-out-of-range',
  'dealing-inconsistent',
]

/** Runs `body`. An error that it throws blames `sender`, and says in `detail.complain` how to prove the fault to others. */
export function complainable<T>(sender: number, body: () => T): T {
  try {
    return blaming(sender, body)
  } catch (error) {
    if (!(error instanceof FheError) || error.detail.sender === undefined) throw error
    const { code } = error
    const sealed = SHOWN_BY_EVIDENCE.includes(code) && error.detail.public !== true
    const complain = code === 'sealed-share-mismatch' ? 'fetch' : sealed ? 'evidence' : 'public'
    const sentence = error.message.slice(code.length + 2)
    throw new FheError(code, sentence, { ...error.detail, complain }, { cause: error })
  }
}

/**
 * 96 bytes that open to everyone what `accused` sealed to `self`, whatever it is, and nothing else. `sealedShare` must be the bytes that
 * the dealing names ('sealed-share-mismatch'). Publicly visible faults of the dealing or the share are thrown by their names, without
 * evidence. Throws 'invalid-argument' when the caller's registered key cannot open anything.
 */
export function openComplaint(
  engine: Engine,
  of: ComplaintSubject & {
    readonly self: number
    readonly encryptionKey: Secret
    readonly sealedShare: Uint8Array
  },
): Uint8Array {
  const frame = complaintFrame(engine, of, of.self, 'self')
  const { accused, self, sealedShare } = of
  const { publicKey } = { publicKey: of.members[self]!.encryptionKey }
  const key = of.encryptionKey
  if (key.length !== 32 || !isKeyOf(key, publicKey)) {
    throw new FheError('invalid-argument', `encryptionKey is not the secret key of member ${self}’s public key`, {
      field: 'encryptionKey',
    })
  }
  const { sealed, binding } = readDealt(frame, { ...of, dealer: accused, receiver: self })
  const { point } = readEnvelope(sealed, binding)
  const proof = key.reveal((secretKey) => {
    return proveSharedSecret({ publicKey, secretKey }, point, evidenceBinding(binding, sealedShare))
  })
  if (proof === null) throw new Error('a key pair of ours has no point on the curve')
  return proof
}

/**
 * Decides who is at fault from public bytes alone, so that everybody decides in the same way. It is the dealer if its dealing or sealed share is
 * malformed, does not open, has residues that are not below their primes, or fails the dealing's own check. It is the complainer if its evidence is
 * invalid or shows a good share. Otherwise it is nobody. Throws 'sealed-share-mismatch' for bytes that are not the share which the dealing names: get
 * them from somebody else, or pass null.
 */
export function judgeComplaint(
  engine: Engine,
  of: ComplaintSubject & {
    readonly complainer: number
    readonly evidence: Uint8Array
    /** The share that `accused` sealed to the complainer; null when nobody has it. */
    readonly sealedShare: Uint8Array | null
  },
): 'dealer' | 'complainer' | 'nobody' {
  const frame = complaintFrame(engine, of, of.complainer, 'complainer')
  const { accused, complainer, sealedShare, evidence } = of
  const { kernel, plan } = engine
  const open = () => {
    if (sealedShare === null) {
      decodeDealing(frame, accused, of.dealing)
      return 'nobody'
    }
    const { dealing, sealed, binding } = readDealt(frame, { ...of, dealer: accused, receiver: complainer, sealedShare })
    const envelope = readEnvelope(sealed, binding)
    if (evidence.length === 0) return 'nobody'
    const { encryptionKey } = of.members[complainer]!
    const shared = openSharedSecret(encryptionKey, envelope.point, evidence, evidenceBinding(binding, sealedShare))
    if (shared === null) return 'complainer'
    openWith(shared, encryptionKey, envelope, binding, (share) =>
      kernel.borrow([plan.bytes.dealt], (room) =>
        checkDealt(kernel, frame, { dealer: accused, receiver: complainer, dealing }, share, room!),
      ),
    )
    return 'complainer'
  }
  try {
    return open()
  } catch (error) {
    // Every named error of these functions means that the dealer published something wrong.
    if (!(error instanceof FheError) || error.code === 'sealed-share-mismatch') throw error
    return 'dealer'
  }
}

/**
 * The hash of the key that these dealings make, from public bytes alone. Every member that finishes key generation confirms it. Takes one dealing per
 * member, by index, and does not check whether they are good.
 */
export function keyHashOfEpoch(
  engine: Engine,
  of: KeyGenerationGround & { readonly dealings: readonly Uint8Array[] },
): Uint8Array {
  const frame = frameOf(engine, of, 0)
  if (of.dealings.length !== engine.plan.members) {
    throw new FheError(
      'invalid-argument',
      `dealings has ${of.dealings.length} entries for ${engine.plan.members} members`,
      { field: 'dealings' },
    )
  }
  return keyHashOf(frame, of.dealings)
}

function complaintFrame(engine: Engine, of: ComplaintSubject, complainer: number, field: string): KeyGenerationFrame {
  const frame = frameOf(engine, of, complainer, field)
  frameOf(engine, of, of.accused, 'accused')
  if (of.accused === complainer) {
    throw new FheError('invalid-argument', `member ${complainer} cannot complain about its own dealing`, {
      field: 'accused',
    })
  }
  return frame
}

/** The subject of the evidence: dealer, receiver, epoch, roster and plan (all in the binding), and the exact bytes. */
function evidenceBinding(binding: Uint8Array, sealedShare: Uint8Array): Uint8Array {
  return hash('complaint', binding, hash('disputed share', sealedShare))
}
