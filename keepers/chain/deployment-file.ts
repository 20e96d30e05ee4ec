// SPDX-License-Identifier: GPL-3.0-or-later
// Where a deployment is: the file that `npx hardhat deploy` writes, and that the command line and the keepers read.
import { readFile } from 'node:fs/promises'
import { getAddress, isAddress } from 'ethers'
import { z } from 'zod'
import { parseJson } from '../zkml/json.ts'

const address = z
  .string()
  .refine((text) => isAddress(text), 'an Ethereum address of 40 hexadecimal digits')
  .transform((text) => getAddress(text))

const schema = z.strictObject({
  /** Hardhat's name of the network. */
  network: z.string().min(1),
  chainId: z.int().positive(),
  /** First block that can hold an event of the deployment. */
  fromBlock: z.int().nonnegative(),
  contracts: z.strictObject({
    CohortToken: address,
    TimelockController: address,
    CohortGovernor: address,
    Guardian: address,
    Successors: address,
    ModelRegistry: address,
    VerifierRegistry: address,
    AdoptedModel: address,
    KeeperRegistry: address,
    StakePoolFactory: address,
    EqualRewards: address,
    SampleRewards: address,
    LearningService: address,
    ServiceFactory: address,
    InferenceHub: address,
    PublisherRegistry: address,
    EnsembleOracle: address,
    ProverMarket: address,
    PredictionMarket: address,
    InputMarket: address,
    OutcomePoolFactory: address,
    DaoPilot: address,
    SpendingGuard: address,
    AnnouncedSignatures: address,
    HubValidator: address,
  }),
  services: z.array(z.strictObject({ name: z.string(), address })),
})

export type DeploymentFile = z.infer<typeof schema>

/** Checks the content of a deployment file. Throws a ZodError that names the field. */
export function parseDeployment(json: unknown): DeploymentFile {
  return schema.parse(json)
}

/** The file could not be read (`exitCode` 66), or is not a deployment file (65). */
export class DeploymentFileError extends Error {
  override readonly name = 'DeploymentFileError'
  readonly code: 'missing' | 'malformed'
  readonly exitCode: number

  constructor(code: 'missing' | 'malformed', message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = code === 'missing' ? 66 : 65
  }
}

/** Reads the addresses of a deployment. @throws DeploymentFileError, which names the file and the fix */
export async function readDeployment(file: string): Promise<DeploymentFile> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new DeploymentFileError('missing', `no deployment at ${file}: run \`npx hardhat deploy\` or name its file`, {
      cause,
    })
  }
  try {
    return parseDeployment(parseJson(text))
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll('\n', ' ') : String(cause)
    throw new DeploymentFileError('malformed', `${file} is not a deployment file: ${reason}`, { cause })
  }
}
