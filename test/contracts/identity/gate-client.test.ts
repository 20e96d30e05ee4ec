// SPDX-License-Identifier: GPL-3.0-or-later
// What a holder's wallet believes of an endpoint: nothing that it can compute, and no policy that the holder did not expect.
import { expect } from 'chai'
import type { Provider } from 'ethers'
import { countrySet } from '../../../keepers/apps/identity/countries.ts'
import { applicationOf, contextOf, GateClient } from '../../../keepers/apps/identity/gate-client.ts'
import { restored } from '../restored.ts'
import { createWorld, POLICY } from './world.ts'

const open = restored(createWorld)
const EXPECTED = { minAge: POLICY.minAge, countries: POLICY.countries }

describe('a holder’s view of a gate', function () {
  this.timeout(300_000)

  /** An endpoint that answers calls of a gate with those of another one, where the function is `name`. */
  const lying = async (name: 'application' | 'policy' | 'contextOf') => {
    const { ethers, gate, gateOf, holder } = await open()
    const other = await gateOf({ ...POLICY, minAge: 41, countries: [...countrySet([276])] })
    const { selector } = gate.interface.getFunction(name as 'policy')
    const elsewhere = await other.getAddress()
    const provider = new Proxy(ethers.provider, {
      get(target, key) {
        if (key === 'call') {
          return (request: { data: string }) =>
            target.call(request.data.startsWith(selector) ? { ...request, to: elsewhere } : request)
        }
        const found: unknown = Reflect.get(target, key)
        return typeof found === 'function' ? found.bind(target) : found
      },
    }) as unknown as Provider
    return { client: new GateClient(await gate.getAddress(), provider), holder }
  }
  const failure = (call: Promise<unknown>) =>
    call.then(
      () => 'nothing',
      (error: Error) => error.message,
    )

  it('computes application and context as the gate does', async () => {
    const { ethers, gate, holder } = await open()
    const address = await gate.getAddress()
    const client = new GateClient(address, ethers.provider as unknown as Provider)
    const { context, challengeBlock } = await client.challenge(holder.address)
    const { chainId } = await ethers.provider.getNetwork()
    const block = await ethers.provider.getBlock(challengeBlock)
    expect(await gate.contextOf(holder.address, challengeBlock)).to.equal(context)
    const challenge = { block: challengeBlock, hash: block!.hash! }
    expect(contextOf(chainId, address, holder.address, challenge)).to.equal(context)
    const { application } = await client.question(context, EXPECTED)
    expect([application, applicationOf(chainId, address)]).to.deep.equal(Array(2).fill(await gate.application()))
  })

  it('gets no question from an endpoint that names another application or context', async () => {
    const first = await lying('application')
    expect(await failure(first.client.question(1n, EXPECTED))).to.match(/another application/)
    const second = await lying('contextOf')
    expect(await failure(second.client.challenge(second.holder.address))).to.match(/another context/)
  })

  it('gets none from one with a policy other than the expected one', async () => {
    const { client } = await lying('policy')
    expect(await failure(client.question(1n, EXPECTED))).to.match(/an age of 41, 18 is expected/)
    const sameAge = { ...EXPECTED, minAge: 41 }
    expect(await failure(client.question(1n, sameAge))).to.match(/other countries than expected.*countries 276/)
    // Without an expectation the endpoint learns what it asked for.
    expect((await client.question(1n, {})).policy.minAge).to.equal(41)
  })

  it('gets none from one that says it is on another chain, where the holder’s mark at a gate of the same address is another', async () => {
    const { ethers, gate } = await open()
    const address = await gate.getAddress()
    const there = 5n
    // It would need the other chain's gate: this one's answer is worked out.
    const provider = new Proxy(ethers.provider, {
      get(target, key) {
        if (key === 'getNetwork') return async () => ({ chainId: there })
        if (key === 'call') {
          return async (request: { data: string }) =>
            request.data.startsWith(gate.interface.getFunction('application').selector)
              ? ethers.toBeHex(applicationOf(there, address), 32)
              : await target.call(request)
        }
        const found: unknown = Reflect.get(target, key)
        return typeof found === 'function' ? found.bind(target) : found
      },
    }) as unknown as Provider
    const client = new GateClient(address, provider)
    const { chainId } = await ethers.provider.getNetwork()
    expect(await failure(client.question(1n, { ...EXPECTED, chainId }))).to.match(/on chain 5, \d+ is expected/)
    // Without an expectation the endpoint gets a proof with the mark of there.
    expect((await client.question(1n, EXPECTED)).application).to.equal(applicationOf(there, address))
  })
})
