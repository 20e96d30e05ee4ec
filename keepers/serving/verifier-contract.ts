// SPDX-License-Identifier: GPL-3.0-or-later
// Writes, compiles and deploys the contract that verifies proofs of one key.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { ContractFactory, type InterfaceAbi, type Signer } from 'ethers'
import { z } from 'zod'
import {
  exportVerifier,
  folderPaths,
  isSourceFolder,
  openFolder,
  openSource,
  parseVerificationKey,
  readFolderKey,
  readSourceKey,
  type VerificationKey,
  verificationKeyHash,
} from '../zkml/index.ts'
import { parseJson } from '../zkml/json.ts'
import { ServingError } from './errors.ts'

const NAME = 'CircuitVerifier'

const outputSchema = z.object({
  errors: z.array(z.object({ severity: z.string(), formattedMessage: z.string() })).default([]),
  contracts: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({ abi: z.custom<InterfaceAbi>(), evm: z.object({ bytecode: z.object({ object: z.string() }) }) }),
    ),
  ),
})

export type DeployedVerifier = {
  readonly address: string
  readonly vkHash: string
  readonly circuitId: string
  readonly setup: 'local' | 'ceremony'
  readonly gasUsed: bigint
  readonly codeBytes: number
}

/** Key, set-up and id of a folder's circuit, whether made from a network or written in circom. */
async function describedKey(folder: string) {
  if (await isSourceFolder(folder)) {
    const circuit = await openSource(folder)
    const { key, metadata } = await readSourceKey(circuit)
    return { key, setup: metadata.setup, circuitId: circuit.circuitId }
  }
  const key = parseVerificationKey(parseJson(await readFile(folderPaths(folder).verificationKey, 'utf8')))
  const opened = await openFolder(folder)
  const { metadata } = await readFolderKey(opened)
  return { key, setup: metadata.setup, circuitId: opened.manifest.circuitId }
}

/**
 * Writes the Solidity verifier of a folder's key, compiles it with the project's settings, and deploys it.
 * @throws InferenceError for a folder without a key; ServingError unsupported without a compiler
 */
export async function deployVerifier(
  folder: string,
  signer: Signer,
  subject = 'a model’s circuit',
): Promise<DeployedVerifier> {
  const { key, setup, circuitId } = await describedKey(folder)
  return { ...(await deployKeyVerifier(key, { setupKind: setup, subject }, signer)), circuitId }
}

/** The same for a key that is not in a model's folder. */
export async function deployKeyVerifier(
  key: VerificationKey,
  { setupKind, subject }: { readonly setupKind: 'local' | 'ceremony'; readonly subject: string },
  signer: Signer,
): Promise<Omit<DeployedVerifier, 'circuitId'>> {
  const { abi, bytecode } = compile(exportVerifier(key, { name: NAME, setupKind, subject }))
  const contract = await new ContractFactory(abi, bytecode, signer).deploy()
  const receipt = await contract.deploymentTransaction()!.wait()
  const address = await contract.getAddress()
  const code = await signer.provider!.getCode(address)
  return {
    ...{ address, vkHash: verificationKeyHash(key), setup: setupKind },
    ...{ gasUsed: receipt!.gasUsed, codeBytes: (code.length - 2) / 2 },
  }
}

function compile(source: string): { abi: InterfaceAbi; bytecode: string } {
  const solc = compiler()
  const input = {
    language: 'Solidity',
    sources: { 'Verifier.sol': { content: source } },
    settings: {
      viaIR: true,
      evmVersion: 'cancun',
      optimizer: { enabled: true, runs: 800 },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  }
  const { errors, contracts } = outputSchema.parse(JSON.parse(solc.compile(JSON.stringify(input))))
  const fatal = errors.filter(({ severity }) => severity === 'error')
  const made = contracts['Verifier.sol']?.[NAME]
  if (fatal.length > 0 || made === undefined) throw new Error(fatal.map((error) => error.formattedMessage).join('\n'))
  return { abi: made.abi, bytecode: `0x${made.evm.bytecode.object}` }
}

/** Loads the compiler, a separate package of eight megabytes that is needed only for deploying verifiers. */
function compiler(): { compile(input: string): string } {
  try {
    return createRequire(import.meta.url)('solc')
  } catch (cause) {
    throw new ServingError(
      'unsupported',
      'the Solidity compiler is not installed: `npm install solc@0.8.34` beside cohort',
      {
        cause,
      },
    )
  }
}
