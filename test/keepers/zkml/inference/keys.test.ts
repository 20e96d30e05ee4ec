// SPDX-License-Identifier: GPL-3.0-or-later
// What a key's metadata say is checked against the key: its mark of a local set-up, and its verification key.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { readKeyFor, statesItsKey } from '../../../../keepers/zkml/inference/keys.ts'
import { type CircuitManifest, folderPaths } from '../../../../keepers/zkml/inference/manifest.ts'
import { keyToJson } from '../../../../keepers/zkml/inference/systems.ts'
import { metadataPath } from '../../../../keepers/zkml/setup/metadata.ts'
import { setupTwoRound } from '../../../../keepers/zkml/setup/two-round.ts'
import { build, rangeCircuit } from '../two-round/range-circuit.ts'

describe('the metadata of a proving key', function () {
  this.timeout(30_000)

  it('neither turn a local key into that of a ceremony nor give it another verification key', async () => {
    const home = await mkdtemp(join(tmpdir(), 'cohort-keys-'))
    try {
      const { r1cs, shape } = build(rangeCircuit())
      const [source, zkey] = [join(home, 'a.r1cs'), join(home, 'a.zkey')]
      await writeFile(source, r1cs)
      const metadata = await setupTwoRound(source, zkey, shape, { threads: 1 })
      const { challenges, firstRound } = shape
      const { r1csSha256 } = metadata.circuit
      const manifest = { system: 'groth16-lookup', rounds: { challenges, firstRound }, r1csSha256 } as CircuitManifest
      const read = async (change: object) => {
        const text = await readFile(metadataPath(zkey), 'utf8')
        await writeFile(metadataPath(zkey), JSON.stringify({ ...metadata, ...change }))
        const error = await readKeyFor(manifest, zkey).then(
          () => null,
          (reason: Error) => reason,
        )
        await writeFile(metadataPath(zkey), text)
        return error
      }
      expect(await read({})).to.equal(null)
      const forged = await read({ setup: 'ceremony', transcriptSha256: r1csSha256 })
      expect(forged).to.include({ code: 'folder-mismatch' })
      expect(forged!.message).to.match(/marked as a local key/)
      const other = await read({ vkHash: `0x${'12'.repeat(32)}` })
      expect(other).to.include({ code: 'folder-mismatch' })
      expect(other!.message).to.contain(`contains verification key ${metadata.vkHash}`)
      const { key } = await readKeyFor(manifest, zkey)
      const stated = folderPaths(home).verificationKey
      expect(await statesItsKey(home, key)).to.equal(true)
      await writeFile(stated, JSON.stringify(keyToJson(key)))
      expect(await statesItsKey(home, key)).to.equal(true)
      const json = JSON.parse(await readFile(stated, 'utf8'))
      // A point exchanged for another of the same key: still a verification key, of no proof of this circuit.
      await writeFile(stated, JSON.stringify({ ...json, IC: [json.IC[1], json.IC[0], ...json.IC.slice(2)] }))
      expect(await statesItsKey(home, key)).to.equal(false)
      await rm(stated)
      expect(await statesItsKey(home, key)).to.equal(true)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })
})
