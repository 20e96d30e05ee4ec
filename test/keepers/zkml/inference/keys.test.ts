// SPDX-License-Identifier: GPL-3.0-or-later
// What a key's metadata say is checked against the key: its mark of a local set-up, and its verification key.
import { chmod, copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { CircuitFolder } from '../../../../keepers/zkml/inference/folder.ts'
import { readKeyFor, statesItsKey, withFolderKey } from '../../../../keepers/zkml/inference/keys.ts'
import { type CircuitManifest, folderPaths } from '../../../../keepers/zkml/inference/manifest.ts'
import { keyToJson } from '../../../../keepers/zkml/inference/systems.ts'
import type { KeySource } from '../../../../keepers/zkml/prove/backend.ts'
import { openTwoRound } from '../../../../keepers/zkml/prove/two-round.ts'
import { verifyTwoRound } from '../../../../keepers/zkml/prove/two-round-verify.ts'
import { metadataPath } from '../../../../keepers/zkml/setup/metadata.ts'
import { setupTwoRound } from '../../../../keepers/zkml/setup/two-round.ts'
import type { TwoRoundKey } from '../../../../keepers/zkml/verifier/two-round-key.ts'
import { build, honest, rangeCircuit } from '../two-round/range-circuit.ts'

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

describe('a proving key that is exchanged after its check', function () {
  this.timeout(60_000)

  it('is not what proves: neither another file of that name, nor other bytes in the same file', async () => {
    const home = await mkdtemp(join(tmpdir(), 'cohort-keys-'))
    try {
      const circuit = rangeCircuit()
      const { r1cs, shape } = build(circuit)
      const paths = folderPaths(home)
      await writeFile(paths.r1cs, r1cs)
      const other = join(home, 'other.zkey')
      await setupTwoRound(paths.r1cs, other, shape, { threads: 1 })
      const metadata = await setupTwoRound(paths.r1cs, paths.zkey, shape, { threads: 1 })
      const original = await readFile(paths.zkey)
      const { challenges, firstRound } = shape
      const { r1csSha256 } = metadata.circuit
      const manifest = { system: 'groth16-lookup', rounds: { challenges, firstRound }, r1csSha256 } as CircuitManifest
      /** Whether a prover that opens `source` after the exchange proves with the key that was checked. */
      const provesWithChecked = async (exchange: () => Promise<unknown>, of: 'file' | 'name') => {
        await writeFile(paths.zkey, original)
        return withFolderKey({ folder: home, manifest } as CircuitFolder, async ({ path, key }, source) => {
          await exchange()
          const opened: KeySource = of === 'file' ? source : path
          const prover = await openTwoRound(opened, { threads: 1, tables: false })
          try {
            const { proof, publicSignals } = await prover.prove(honest(circuit, 20))
            return await verifyTwoRound(key as TwoRoundKey, proof, publicSignals)
          } finally {
            await prover.close()
          }
        })
      }
      const renamed = async () => {
        await copyFile(other, `${paths.zkey}.new`)
        await rename(`${paths.zkey}.new`, paths.zkey)
      }
      // The name, as provers were given it, leads to the other key.
      expect(await provesWithChecked(renamed, 'name')).to.equal(false)
      expect(await provesWithChecked(renamed, 'file')).to.equal(true)
      // Others may write into the file: its bytes were read once.
      await chmod(paths.zkey, 0o666)
      const overwritten = async () => writeFile(paths.zkey, await readFile(other))
      expect(await provesWithChecked(overwritten, 'name')).to.equal(false)
      expect(await provesWithChecked(overwritten, 'file')).to.equal(true)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })
})
