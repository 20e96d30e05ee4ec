// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EIP1193Provider } from '@nomicfoundation/ignition-core'
import { expect } from 'chai'
import { deployCohort } from '../../../deploy/deployment.ts'
import { ROLE_PLAN, roleId } from '../../../deploy/roles.ts'
import { checkDeployment } from '../../../deploy/verification.ts'
import { parseDeployment } from '../../../keepers/chain/index.ts'
import { accountsOf } from '../governance/accounts.ts'
import { deployStub } from '../inference/product-circuit.ts'
import { createChain, createDeployment, PARAMETERS } from './simulated.ts'

const TOKEN = 10n ** 18n

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(
    () => {
      throw new Error('expected a rejection')
    },
    (error: Error) => error,
  )
}

describe('a deployment', () => {
  it('leaves every role with the timelock, the governor or the factory, and none with the deployer', async () => {
    const { ethers, deployment, ...world } = await createDeployment()
    const [deployer] = await accountsOf(ethers)
    const contracts = {
      CohortToken: world.token,
      TimelockController: world.timelock,
      ModelRegistry: world.models,
      VerifierRegistry: world.verifiers,
      KeeperRegistry: world.keepers,
      ServiceFactory: world.factory,
      PredictionMarket: world.market,
      InputMarket: world.inputMarket,
      DaoPilot: world.pilot,
    }
    for (const { contract, role, holder } of ROLE_PLAN) {
      const what = `${contract} ${role}`
      expect(await contracts[contract].hasRole(roleId(role), deployment.contracts[holder]), what).to.equal(true)
      expect(await contracts[contract].hasRole(roleId(role), deployer), `${what} of the deployer`).to.equal(false)
    }
  })

  it('knows every contract that has roles', async () => {
    const { ethers, deployment } = await createDeployment()
    const planned = new Set<string>(ROLE_PLAN.map(({ contract }) => contract))
    for (const [name, address] of Object.entries(deployment.contracts)) {
      // supportsInterface(IAccessControl), where it exists at all.
      const access = await ethers.getContractAt('CohortToken', address)
      const hasRoles = await access.supportsInterface('0x7965db0b').catch(() => false)
      // The implementation behind the clones is never initialised: nobody can hold a role of it.
      if (name !== 'LearningService') expect(hasRoles, name).to.equal(planned.has(name))
    }
  })

  it('gives the holders their tokens and the first service its parameters and its pool', async () => {
    const { ethers, deployment, token, factory, keepers, models } = await createDeployment()
    const [, first, second] = await accountsOf(ethers)
    expect(await token.balanceOf(first)).to.equal(700n * TOKEN)
    expect(await token.balanceOf(second)).to.equal(300n * TOKEN)
    expect(await token.totalSupply()).to.equal(1050n * TOKEN)
    expect(deployment.services.map(({ name }) => name)).to.deep.equal(['digits'])
    const { address } = deployment.services[0]!
    expect(await factory.isService(address)).to.equal(true)
    expect(await models.isService(address)).to.equal(true)
    expect(await token.balanceOf(keepers)).to.equal(50n * TOKEN)
    const service = await ethers.getContractAt('ILearningService', address)
    const parameters = await service.parameters()
    expect([parameters.minKeepers, parameters.bond, parameters.strategy]).to.deep.equal([
      3n,
      5n * TOKEN,
      deployment.contracts.SampleRewards,
    ])
  })

  it('may create no service, and fund none', async () => {
    const { options } = await createChain()
    const none = await deployCohort({ ...options, parameters: { ...PARAMETERS, service: null } })
    expect(none.services).to.deep.equal([])
    const other = await createChain()
    const poor = { ...PARAMETERS.service!, strategy: 'equal' as const, rewardPoolTokens: 0n }
    const { services, contracts } = await deployCohort({
      ...other.options,
      parameters: { ...PARAMETERS, service: poor },
    })
    const service = await other.ethers.getContractAt('ILearningService', services[0]!.address)
    expect((await service.parameters()).strategy).to.equal(contracts.EqualRewards)
  })

  it('refuses an account that the network does not have, before any transaction', async () => {
    const { options, ethers } = await createChain()
    const holders = [{ account: 999, tokens: TOKEN }]
    const error = await rejection(deployCohort({ ...options, parameters: { ...PARAMETERS, token: { holders } } }))
    expect(error.message).to.match(/token\.holders\.0\.account is 999, but the network has \d+ accounts/)
    expect(await ethers.provider.getBlockNumber()).to.equal(0)
  })

  describe('with a journal', () => {
    let folder: string
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'cohort-deploy-'))
    })
    afterEach(async () => {
      await rm(folder, { recursive: true, force: true })
    })

    const places = () => ({ stateDir: join(folder, 'state'), addressFile: join(folder, 'out', 'addresses.json') })

    it('sends nothing when it is complete, and writes the addresses again', async () => {
      const { options, ethers } = await createChain()
      const first = await deployCohort({ ...options, ...places() })
      const height = await ethers.provider.getBlockNumber()
      await rm(places().addressFile)
      const second = await deployCohort({ ...options, ...places() })
      expect(second).to.deep.equal(first)
      expect(await ethers.provider.getBlockNumber()).to.equal(height)
      expect(parseDeployment(JSON.parse(await readFile(places().addressFile, 'utf8')))).to.deep.equal(first)
      expect(await readdir(join(folder, 'out'))).to.deep.equal(['addresses.json'])
    })

    it('resumes after the connection broke, wherever that was, and writes no addresses before', async function () {
      this.timeout(180_000)
      const { options, ethers } = await createChain()
      // Breaks before the transaction leaves, or after it left and before its hash came back.
      const attempts = [
        { allowed: 3, leaves: false },
        { allowed: 5, leaves: true },
        { allowed: 0, leaves: true },
        { allowed: 9, leaves: false },
        { allowed: 1000, leaves: true },
      ]
      let finished = null
      for (const { allowed, leaves } of attempts) {
        let sent = 0
        const breaking: EIP1193Provider = {
          async request(call) {
            if (call.method !== 'eth_sendTransaction' || sent++ < allowed) return await options.provider.request(call)
            if (leaves) await options.provider.request(call)
            throw new Error('connection lost')
          },
        }
        const outcome = await deployCohort({ ...options, ...places(), provider: breaking }).catch(
          (error: Error) => error,
        )
        if (!(outcome instanceof Error)) {
          finished = outcome
          break
        }
        expect(outcome.message).to.match(/^deployment stopped: .*connection lost.*run the same command to resume$/)
        expect(await readdir(folder), 'no addresses of a half-done deployment').to.deep.equal(['state'])
      }
      expect(finished?.services).to.have.length(1)
      const [deployer] = await accountsOf(ethers)
      // Each step ran once: as many transactions as a deployment that never broke.
      const whole = await createChain()
      await deployCohort(whole.options)
      expect(await ethers.provider.getTransactionCount(deployer)).to.equal(
        await whole.ethers.provider.getTransactionCount((await accountsOf(whole.ethers))[0]),
      )
    })

    it('refuses other parameters for what exists already', async () => {
      const { options } = await createChain()
      await deployCohort({ ...options, ...places() })
      const parameters = { ...PARAMETERS, timelock: { delaySeconds: 1 } }
      const error = await rejection(deployCohort({ ...options, ...places(), parameters }))
      expect(error.message).to.match(/differ from the earlier deployment: Governance#TimelockController.*--reset/)
    })

    it('starts over on another development chain', async () => {
      const yesterday = await createChain()
      await deployCohort({ ...yesterday.options, ...places() })
      const today = await createChain()
      await today.networkHelpers.mine(3)
      const deployment = await deployCohort({ ...today.options, ...places() })
      expect(await today.ethers.provider.getCode(deployment.contracts.InferenceHub)).to.not.equal('0x')
    })
  })

  describe('is refused by its last check when', () => {
    const check = async (
      spoil: (world: Awaited<ReturnType<typeof createDeployment>>) => Promise<unknown>,
      expected: RegExp,
      changes: object = {},
    ) => {
      const world = await createDeployment()
      const { browser, deployment, ethers } = world
      const [deployer] = await accountsOf(ethers)
      const minted = 1050n * TOKEN
      const options = { provider: browser, deployment, deployer: deployer.address, timelockDelay: 3600, minted }
      await checkDeployment(options)
      await spoil(world)
      const error = await rejection(checkDeployment({ ...options, ...changes }))
      expect(error.name).to.equal('DeploymentCheckError')
      expect(error.message).to.match(expected)
    }

    it('the model registry has a service that no factory made', async () => {
      await check(async ({ ethers, models, deployment, speakFor }) => {
        const factory = await speakFor(deployment.contracts.ServiceFactory)
        await models.connect(factory).registerService(await ethers.deployContract('AdoptedModel', [factory]))
      }, /the model registry has the service 0x[0-9a-fA-F]{40}, which no factory made/)
    })

    it('somebody minted additional tokens', async () => {
      await check(async ({ token, deployment, speakFor }) => {
        await token
          .connect(await speakFor(deployment.contracts.TimelockController))
          .mint(deployment.contracts.DaoPilot, 1)
      }, /the token’s supply is 1050000000000000000001, not the 1050000000000000000000 of the parameters/)
    })

    it('a circuit has a verifier that nobody voted on', async () => {
      await check(async ({ ethers, verifiers, deployment, speakFor }) => {
        const [deployer] = await ethers.getSigners()
        const verifier = await deployStub(deployer!, 5n, 1)
        const timelock = await speakFor(deployment.contracts.TimelockController)
        await verifiers.connect(timelock).register(ethers.id('mine'), verifier, ethers.toBeHex(5n, 32), 1, '0x')
      }, /the verifier registry has 1 circuits, which nobody voted on/)
    })

    it('an operation waits in the timelock that nobody voted on', async () => {
      await check(async ({ ethers, timelock, deployment, speakFor }) => {
        const governor = await speakFor(deployment.contracts.CohortGovernor)
        const zero = ethers.ZeroHash
        await timelock.connect(governor).schedule(deployment.contracts.CohortToken, 0, '0x', zero, zero, 3600)
      }, /the timelock has the operation 0x[0-9a-f]{64}, which nobody voted on/)
    })

    it('the deployer got a role back', async () => {
      await check(async ({ ethers, models, deployment, speakFor }) => {
        const [deployer] = await accountsOf(ethers)
        const timelock = await speakFor(deployment.contracts.TimelockController)
        await models.connect(timelock).grantRole(roleId('RELEASE_ROLE'), deployer)
      }, /ModelRegistry: the deployer \(0x[0-9a-fA-F]{40}\) holds RELEASE_ROLE/)
    })

    it('somebody unknown holds a role that no plan names', async () => {
      await check(async ({ ethers, timelock, deployment, speakFor }) => {
        const accounts = await accountsOf(ethers)
        const self = await speakFor(deployment.contracts.TimelockController)
        await timelock.connect(self).grantRole(ethers.id('BACKDOOR'), accounts[6])
      }, /TimelockController: an unknown account \(0x[0-9a-fA-F]{40}\) holds 0x[0-9a-f]{64}/)
    })

    it('the factory lost its right to register services', async () => {
      await check(async ({ keepers, deployment, speakFor }) => {
        const timelock = await speakFor(deployment.contracts.TimelockController)
        await keepers.connect(timelock).revokeRole(roleId('REGISTRAR_ROLE'), deployment.contracts.ServiceFactory)
      }, /KeeperRegistry: ServiceFactory \(0x[0-9a-fA-F]{40}\) lacks REGISTRAR_ROLE/)
    })

    it('the deployer administers a service', async () => {
      await check(async ({ ethers, deployment, speakFor }) => {
        const [deployer] = await accountsOf(ethers)
        const timelock = await speakFor(deployment.contracts.TimelockController)
        const service = await ethers.getContractAt('CohortToken', deployment.services[0]!.address)
        await service.connect(timelock).grantRole(roleId('DEFAULT_ADMIN_ROLE'), deployer)
      }, /service 'digits': the deployer/)
    })

    it('somebody else administers a service', async () => {
      await check(async ({ ethers, deployment, speakFor }) => {
        const accounts = await accountsOf(ethers)
        const timelock = await speakFor(deployment.contracts.TimelockController)
        const service = await ethers.getContractAt('CohortToken', deployment.services[0]!.address)
        await service.connect(timelock).grantRole(roleId('DEFAULT_ADMIN_ROLE'), accounts[6])
      }, /service 'digits': an unknown account \(0x[0-9a-fA-F]{40}\) holds DEFAULT_ADMIN_ROLE/)
    })

    it('the timelock administers a service no longer', async () => {
      await check(async ({ ethers, deployment, speakFor }) => {
        const timelock = await speakFor(deployment.contracts.TimelockController)
        const service = await ethers.getContractAt('CohortToken', deployment.services[0]!.address)
        await service.connect(timelock).renounceRole(roleId('DEFAULT_ADMIN_ROLE'), timelock)
      }, /service 'digits': TimelockController \(0x[0-9a-fA-F]{40}\) lacks DEFAULT_ADMIN_ROLE/)
    })

    it('the timelock’s delay is not the one asked for', async () => {
      await check(async () => undefined, /the timelock’s delay is 3600, not 86400/, { timelockDelay: 86400 })
    })

    it('a contract is gone', async () => {
      await check(
        async ({ networkHelpers, deployment }) => networkHelpers.setCode(deployment.contracts.InferenceHub, '0x'),
        /InferenceHub at 0x[0-9a-fA-F]{40} has no code/,
      )
    })
  })
})
