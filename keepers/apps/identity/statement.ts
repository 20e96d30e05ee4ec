// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the circuit's inputs from wallet, credential, capture, lists and the gate's statement. Reports every reason why no proof exists before
// anything is proven.
import type { CircuitInputs, IntegerProgram } from '../../zkml/index.ts'
import { inCountrySet } from './countries.ts'
import { type Capture, type Credential, faceOffsets, holderOf, isTaken, nullifierOf } from './credential.ts'
import { packDates } from './dates.ts'
import { IdentityError } from './errors.ts'
import type { IntervalList, ListGap } from './interval-list.ts'
import { embeddingOf, isNear, NEARNESS, type Nearness, nearness } from './network.ts'
import { commitPicture, type IdentityShape } from './source.ts'

/** What a gate requires to be proven: the public signals except those from lists and credential. */
export type GateQuestion = {
  readonly application: bigint
  readonly context: bigint
  /** yyyymmdd: born on or before this day. */
  readonly bornBy: number
  /** yyyymmdd: the credential is valid on this day. */
  readonly through: number
  readonly countries: readonly bigint[]
}

export type IdentityInputs = {
  readonly program: IntegerProgram
  readonly secret: bigint
  readonly credential: Credential
  readonly capture: Capture
  readonly question: GateQuestion
  readonly sanctions: IntervalList
  readonly revocations: IntervalList
}

/**
 * The circuit's inputs, by its signals' names.
 * @throws IdentityError not-provable naming what does not hold; in-list for a sanctioned document or a revoked credential
 */
export function identityInputs(
  given: IdentityInputs,
  { nearness: wanted = NEARNESS }: IdentityShape = {},
): CircuitInputs {
  requireProvable(given, wanted)
  const { secret, credential, question } = given
  const sanctions = gapIn(given.sanctions, credential.document, 'document', 'sanctions')
  const revocations = gapIn(given.revocations, credential.id, 'credential', 'revocations')
  return rawInputs(given, { sanctions, revocations }, nullifierOf(secret, question.application))
}

/** The same without any check, for tests that expect the circuit to refuse. */
export function rawInputs(
  { secret, credential, capture, question, sanctions, revocations }: IdentityInputs,
  gaps: { readonly sanctions: ListGap; readonly revocations: ListGap },
  nullifier: bigint,
): CircuitInputs {
  const { application, context, bornBy, through, countries } = question
  const { id, document, born, country, expires, face, faceSalt, camera, issuer, signature } = credential
  return {
    ...{ issuer: issuer[1], sanctionsRoot: sanctions.root, revocationsRoot: revocations.root },
    ...{ application, nullifier, context, dates: packDates(bornBy, through), countries },
    ...{ id, secret, document, born: BigInt(born), country: BigInt(country), expires: BigInt(expires) },
    ...{ face: faceOffsets(face), faceSalt, camera, issuerX: issuer[0] },
    ...{ issuerR: signature.R, issuerS: signature.S, cameraR: capture.signature.R, cameraS: capture.signature.S },
    ...{ pixel: Array.from(capture.pixels, BigInt), pixelSalt: capture.salt },
    ...placed('sanctions', gaps.sanctions),
    ...placed('revocations', gaps.revocations),
  }
}

function placed(list: string, { low, next, bit, sibling }: ListGap): CircuitInputs {
  return { [`${list}Low`]: low, [`${list}Next`]: next, [`${list}Bit`]: bit, [`${list}Sibling`]: sibling }
}

function gapIn(list: IntervalList, value: bigint, what: string, name: string): ListGap {
  if (list.has(value)) throw new IdentityError('in-list', `the ${what} is on the list of ${name}`)
  return list.gap(value)
}

function requireProvable(given: IdentityInputs, wanted: Nearness): void {
  const { program, secret, credential, capture, question } = given
  const fail = (what: string): never => {
    throw new IdentityError('not-provable', what)
  }
  if (holderOf(secret) !== credential.holder)
    fail('the credential is for another wallet: its holder is not this secret’s')
  if (capture.camera.some((coordinate, i) => coordinate !== credential.camera[i])) {
    fail('the picture is of another camera than the credential names')
  }
  if (capture.context !== question.context)
    fail('the picture was taken for another account, gate or block; take it again')
  if (!isTaken(capture, (pixels, salt) => commitPicture(program, pixels, salt))) {
    fail('the camera did not sign this picture for this context')
  }
  if (credential.born > question.bornBy) fail(`born ${credential.born}, the gate asks for ${question.bornBy} or before`)
  if (credential.expires < question.through) {
    fail(`the credential expires ${credential.expires}, the gate asks for ${question.through} or later`)
  }
  if (!inCountrySet(question.countries, credential.country))
    fail(`country ${credential.country} is not one of the gate's`)
  const embedding = embeddingOf(program, capture.pixels)
  if (!isNear(embedding, credential.face, wanted)) {
    const found = nearness(embedding, credential.face).toFixed(3)
    fail(
      `the picture is not near the credential's face: ${found}, at least ${wanted.numerator / wanted.denominator} is needed`,
    )
  }
}
