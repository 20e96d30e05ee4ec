// SPDX-License-Identifier: GPL-3.0-or-later
// Keys for hand-built circuits, with and without the partition's check.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeKey } from '../../../../keepers/zkml/setup/key-file.ts'
import { sha256 } from '../../../../keepers/zkml/setup/metadata.ts'
import { parseR1cs } from '../../../../keepers/zkml/setup/r1cs.ts'
import { drawTwoRoundSecrets } from '../../../../keepers/zkml/setup/secrets.ts'
import { setupTwoRound } from '../../../../keepers/zkml/setup/two-round.ts'
import { parseTwoRoundZkey } from '../../../../keepers/zkml/setup/two-round-zkey.ts'
import { type TwoRoundKey, twoRoundKeyOf } from '../../../../keepers/zkml/verifier/two-round-key.ts'
import { build, type NamedCircuit } from './range-circuit.ts'

export type TestKey = { readonly zkey: Uint8Array; readonly key: TwoRoundKey }

/** As a user makes it. */
export function keyFor(circuit: NamedCircuit): Promise<TestKey> {
  return inFolder(async (folder) => {
    const { r1cs, shape } = build(circuit)
    const [source, target] = [join(folder, 'a.r1cs'), join(folder, 'a.zkey')]
    await writeFile(source, r1cs)
    await setupTwoRound(source, target, shape, { threads: 1 })
    return target
  })
}

/** What a set-up without the check would make. */
export function uncheckedKeyFor(circuit: NamedCircuit, draw = drawTwoRoundSecrets): Promise<TestKey> {
  return inFolder(async (folder) => {
    const { r1cs, shape } = build(circuit)
    const zkeyPath = join(folder, 'a.zkey')
    const job = { r1cs: parseR1cs(r1cs), r1csSha256: sha256(r1cs), zkeyPath, shape, options: { threads: 1 } }
    await writeKey(job, draw)
    return zkeyPath
  })
}

async function inFolder(make: (folder: string) => Promise<string>): Promise<TestKey> {
  const folder = await mkdtemp(join(tmpdir(), 'cohort-two-round-'))
  try {
    const zkey = new Uint8Array(await readFile(await make(folder)))
    return { zkey, key: await twoRoundKeyOf(parseTwoRoundZkey(zkey)) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
