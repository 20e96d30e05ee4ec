// SPDX-License-Identifier: GPL-3.0-or-later
// A private story through the command line, in a circuit of any reader of headlines.
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { headlineSpec, launchNewsReader } from '../../keepers/apps/story/index.ts'
import type { Model } from '../../keepers/learning/index.ts'
import { cohort, command, resultOf } from './command-line.ts'

const FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617n

/** The public form of a key (x ‖ y in hexadecimal) and a tag in a proof. */
export const shownKey = (material: string, tag: string): string =>
  String((BigInt(`0x${material.slice(66)}`) + BigInt(tag)) % FIELD)

/** Only its owner may read it. */
export const isSecret = async (path: string): Promise<unknown> =>
  expect((await stat(path)).mode & 0o077, path).to.equal(0)

/** The released reader with its first detectors alone. It reads worse, in a circuit of a fraction of the size. */
export function readerWith(detectors: number): Model {
  const released = launchNewsReader()
  const spec = headlineSpec(detectors)
  const all = released.spec.parameters[1]!.length
  const weights = released.spec.parameters.flatMap(({ offset, length }, i) => {
    const values = [...released.weights.subarray(offset, offset + length)]
    // Kernel and bias of the detectors have one in each column; the scores of a detector are a row.
    return i < 2 ? values.filter((_, k) => k % all < detectors) : values.slice(0, spec.parameters[i]!.length)
  })
  return { spec, weights: Float32Array.from(weights) }
}

type Place = {
  /** The circuit. */
  readonly folder: string
  /** Where files are written. */
  readonly home: string
  /** The publisher's. */
  readonly key: string
  /** The public form of that key and the tag, as a proof shows them. */
  readonly shown: string
  readonly tag: string
}

/** It is signed, read and proven, and what is printed or kept open does not say what it is. */
export async function itIsProvenInNoOutput({ folder, home, key, shown, tag }: Place): Promise<void> {
  const at = (name: string) => join(home, name)
  const headline = 'Heron 4 blasts off from Kourou with weather satellite'
  const signed = await command(
    ...['story', 'sign-private', '--headline', headline, '--tag', tag],
    ...['--key', key, '--out', at('story.json')],
  )
  expect([signed.code, signed.stderr]).to.deep.equal([0, ''])
  await isSecret(at('story.json'))
  const prove = ['story', 'prove', folder, '--context', '7']
  const out = ['--out', at('story-proof.json'), '--story', at('story.bin')]
  const proven = await command(...prove, '--private', at('story.json'), ...out)
  expect(proven.code, proven.stderr).to.equal(0)
  await isSecret(at('story.bin'))
  expect((await readFile(at('story.bin'), 'latin1')).slice(8).trimEnd()).to.equal(headline)
  expect((await cohort('verify', folder, at('story-proof.json'))).code).to.equal(0)
  const read = await resultOf('story', 'read', folder, '--headline', headline, '--tag', tag)
  const proof = await readFile(at('story-proof.json'), 'utf8')
  const { publicSignals } = JSON.parse(proof)
  expect(publicSignals.slice(1)).to.deep.equal([shown, read.output, '7'])
  for (const text of [proof, proven.stdout, proven.stderr]) expect(text).to.not.contain('Heron')

  const refusals: [string[], RegExp][] = [
    [['--private', at('story.json'), '--tag', tag], /--private names headline and tag already/],
    [['--headline', headline], /say --headline and --tag, or --private/],
    [['--headline', headline, '--tag', tag], /stories need sha256, public and margin/],
    [['--private', key], /signed content is a \.json file/],
    [['--private', at('samples-of-none.json')], /ENOENT/],
  ]
  for (const [args, message] of refusals) expect((await command(...prove, ...args)).stderr).to.match(message)
  await writeFile(at('plain.json'), '[1, 2]')
  expect((await command(...prove, '--private', at('plain.json'))).stderr).to.match(/holds no signed content/)
}
