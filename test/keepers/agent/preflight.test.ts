// SPDX-License-Identifier: GPL-3.0-or-later
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { readParameters } from '../../../deploy/parameters.ts'
import { AgentError, KEEPER_EXIT } from '../../../keepers/agent/index.ts'
import { checkKeyPlan, checkServicePlan } from '../../../keepers/agent/preflight.ts'
import type { ServiceContracts } from '../../../keepers/chain/index.ts'
import { exampleManifest } from '../../../keepers/versions/index.ts'

const FOLDER = 'deploy/parameters'
/** Weights of article-cnn, the largest model that has a name. */
const LARGEST = 93_322
const roundTerms = exampleManifest('article-cnn').rounds

function refusal(body: () => unknown): AgentError {
  try {
    body()
  } catch (error) {
    if (error instanceof AgentError) return error
    throw error
  }
  throw new Error('expected an AgentError')
}

describe('preflight of the encryption', () => {
  it('finds parameters for the services that ship, as full as they may be, with the largest model', async () => {
    for (const file of readdirSync(FOLDER)) {
      const { service } = await readParameters(join(FOLDER, file))
      if (service === null) throw new Error(`${file} has no service`)
      checkKeyPlan(service, roundTerms, LARGEST)
    }
  })

  it('refuses a service that may grow beyond what can be encrypted, and says how far it may', () => {
    const terms = { minKeepers: 4, maxKeepers: 256, decryptionBps: 5_000, decryptionsPerEpoch: 65_535 }
    const error = refusal(() => checkKeyPlan(terms, roundTerms, LARGEST))
    expect([error.code, error.exitCode]).to.deep.equal(['PLAN', KEEPER_EXIT.config])
    expect(error.message).to.match(
      /maxKeepers 256 and decryptionsPerEpoch 65535.*93322 weights \(.*(minPrecisionBits|scaleBits): /,
    )
    const most = Number(/(\d+) keepers would do: have the DAO lower maxKeepers to that/.exec(error.message)![1])
    expect(most).to.be.within(4, 255)
    // And what it says is so.
    checkKeyPlan({ ...terms, maxKeepers: most }, roundTerms, LARGEST)
    refusal(() => checkKeyPlan({ ...terms, maxKeepers: most + 1 }, roundTerms, LARGEST))
    const hopeless = { ...roundTerms, clipBound: 64, minTotalSamples: 1, maxSamples: 10_000_000 }
    expect(refusal(() => checkKeyPlan(terms, hopeless, LARGEST)).message).to.match(/no number of keepers would do/)
  })

  it('looks at the parameters that the DAO has set for the next epoch, too', async () => {
    const fine = { minKeepers: 3n, maxKeepers: 8n, decryptionBps: 5_000n, decryptionsPerEpoch: 16n }
    const contracts = (pending: boolean) =>
      ({
        service: {
          parameters: async () => fine,
          pendingParameters: async () => [pending, { ...fine, maxKeepers: 256n, decryptionsPerEpoch: 65_535n }],
        },
      }) as unknown as ServiceContracts
    await checkServicePlan(contracts(false), roundTerms, LARGEST)
    const error = await checkServicePlan(contracts(true), roundTerms, LARGEST).catch((reason: unknown) => reason)
    expect((error as AgentError).message).to.match(/maxKeepers 256/)
  })
})
