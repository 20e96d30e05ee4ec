// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the circuits' sources: the statement of circuits/lib/identity.circom around the network of faces, and the change of a list.
import {
  commitInput,
  commitmentHeader,
  elementCount,
  type IntegerProgram,
  networkSource,
  tensorOf,
} from '../../zkml/index.ts'
import { LIST_DEPTH } from './interval-list.ts'
import { NEARNESS, type Nearness, productBits } from './network.ts'

/** Public signals of a proof of identity, in order; `countries` has four words. */
export const IDENTITY_SIGNALS = [
  'issuer',
  'sanctionsRoot',
  'revocationsRoot',
  'application',
  'nullifier',
  'context',
  'dates',
  'countries',
] as const

/** Public signals of a proof of a list's change, in order. */
export const LIST_SIGNALS = ['before', 'after', 'value', 'index'] as const

/** Private inputs of the template Identity, besides the pixels and their salt. */
const PRIVATE_SIGNALS = [
  'id',
  'secret',
  'document',
  'born',
  'country',
  'expires',
  'face',
  'faceSalt',
  'camera',
  'issuerX',
]
const SIGNATURES = ['issuerR', 'issuerS', 'cameraR', 'cameraS']
const PLACES = ['Low', 'Next', 'Bit', 'Sibling'].flatMap((part) => [`sanctions${part}`, `revocations${part}`])

export type IdentityShape = {
  readonly depth?: number
  readonly nearness?: Nearness
}

/**
 * Circom source of the proof of identity for a network of faces. The weights are constants. A credential's template means nothing to another network,
 * so a new network needs new credentials anyway, and may as well have a new key.
 */
export function identitySource(
  program: IntegerProgram,
  { depth = LIST_DEPTH, nearness = NEARNESS }: IdentityShape = {},
): string {
  const { gadgets, source } = networkSource(program)
  const count = elementCount(tensorOf(program, program.input.tensor).shape)
  const outputs = elementCount(tensorOf(program, program.scores).shape)
  const { bits, min } = program.input
  const header = commitmentHeader('input', [{ count, bits, min }])
  const perElement = Math.floor(253 / bits)
  const sizes: Readonly<Record<string, number>> = {
    ...{ countries: 4, face: outputs, camera: 2, issuerR: 2, cameraR: 2 },
    ...Object.fromEntries(PLACES.filter((name) => /Bit|Sibling/.test(name)).map((name) => [name, depth])),
  }
  const declared = (name: string) => `    signal input ${name}${name in sizes ? `[${sizes[name]}]` : ''};`
  const passed = [...IDENTITY_SIGNALS, ...PRIVATE_SIGNALS, ...SIGNATURES, ...PLACES]
  const includes = [...new Set([...gadgets, 'identity', 'packing', 'commitment'])].sort()
  return `// SPDX-License-Identifier: GPL-3.0-or-later
// A proof of identity. Written by keepers/apps/identity; do not edit.
pragma circom 2.2.0;
${includes.map((gadget) => `include "${gadget}.circom";`).join('\n')}

${source}
template Main() {
${passed.map(declared).join('\n')}
    signal input pixel[${count}];
    signal input pixelSalt;

    // The picture: ranged, committed to as the camera did, and seen by the network.
    component packed = RangedPack(${count}, ${bits});
    packed.in <== pixel;
    component picture = Commitment(${header}, ${Math.ceil(count / perElement)});
    picture.salt <== pixelSalt;
    picture.in <== packed.out;
    component network = Network();
    network.x <== pixel;

    component identity = Identity(${depth}, ${outputs}, ${productBits(program)}, ${nearness.numerator}, ${nearness.denominator});
${passed.map((name) => `    identity.${name} <== ${name};`).join('\n')}
    identity.embedding <== network.score;
    identity.picture <== picture.out;
}

component main {public [${IDENTITY_SIGNALS.join(', ')}]} = Main();
`
}

/** Circom source of the proof that a list changed by one value. */
export function listSource(depth = LIST_DEPTH): string {
  return `// SPDX-License-Identifier: GPL-3.0-or-later
// A change of a list by one value. Written by keepers/apps/identity; do not edit.
pragma circom 2.2.0;
include "interval_list.circom";

component main {public [${LIST_SIGNALS.join(', ')}]} = ListInsertion(${depth});
`
}

/** The commitment to a picture that its camera signs. */
export function commitPicture(program: IntegerProgram, pixels: ArrayLike<number>, salt: bigint): bigint {
  return commitInput(pixels, program.input, salt)
}
