// SPDX-License-Identifier: GPL-3.0-or-later
// What a holder's wallet believes of an endpoint: nothing that it can compute, and no policy that the holder did not expect.
import { expect } from 'chai'
import type { Provider } from 'ethers'
import { Asking } from '../../../keepers/apps/identity/asking.ts'
import { countrySet } from '../../../keepers/apps/identity/countries.ts'
import { dateOfDay } from '../../../keepers/apps/identity/dates.ts'
import { applicationOf, contextOf, dayOf, GateClient } from '../../../keepers/apps/identity/gate-client.ts'
import { IntervalList } from '../../../keepers/apps/identity/interval-list.ts'
import { ListClient } from '../../../keepers/apps/identity/list-client.ts'
import type { EndpointAnswer } from '../../../keepers/chain/index.ts'
import { restored } from '../restored.ts'
import { createWorld, DAY, POLICY } from './world.ts'

const open = restored(createWorld)
const EXPECTED = { minAge: POLICY.minAge, countries: POLICY.countries, passDays: POLICY.passDays }

const providerOf = ({ provider }: { readonly provider: unknown }) => provider as Provider

/** A provider with one method of its own. */
const changing = <T extends object>(provider: T, name: string, method: (first: unknown) => Promise<unknown>) =>
  new Proxy(provider, {
    get(target, key) {
      if (key === name) return method
      const found: unknown = Reflect.get(target, key)
      return typeof found === 'function' ? found.bind(target) : found
    },
  }) as unknown as Provider

describe('a holder’s view of a gate', function () {
  this.timeout(300_000)

  /** An endpoint that answers calls of a gate with those of another one, where the function is `name`. */
  const lying = async (name: 'application' | 'policy' | 'contextOf') => {
    const { ethers, gate, gateOf, holder } = await open()
    const other = await gateOf({ ...POLICY, minAge: 41, countries: [...countrySet([276])] })
    const { selector } = gate.interface.getFunction(name as 'policy')
    const elsewhere = await other.getAddress()
    const provider = changing(ethers.provider, 'call', (asked) => {
      const request = asked as { data: string }
      return ethers.provider.call(request.data.startsWith(selector) ? { ...request, to: elsewhere } : request)
    })
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

  it('gets none from one with other days of a pass, which would ask when the credential expires', async () => {
    const { ethers, gateOf } = await open()
    const client = new GateClient(await (await gateOf({ ...POLICY, passDays: 300 })).getAddress(), providerOf(ethers))
    expect(await failure(client.question(1n, EXPECTED))).to.match(
      /good for 300 more days, 30 are expected \(--pass-days\)/,
    )
    // Without an expectation the endpoint chooses the day through which the credential has to be good.
    const { through, day } = await client.question(1n, {})
    expect(through).to.equal(dateOfDay(day + 300))
  })

  it('takes the day from the holder’s clock: an endpoint that moves its own learns nothing, and is told so', async () => {
    const { ethers, gate } = await open()
    const now = 1000 * (await ethers.provider.getBlock('latest'))!.timestamp
    const shifted = async (days: number) => {
      const provider = changing(ethers.provider, 'getBlock', async (tag: unknown) => {
        const { timestamp, hash } = (await ethers.provider.getBlock(tag as 'latest'))!
        return { timestamp: timestamp + days * DAY, hash }
      })
      return new GateClient(await gate.getAddress(), provider).question(1n, EXPECTED, now)
    }
    const { day, bornBy } = await shifted(0)
    expect(day).to.equal(dayOf(now))
    expect(bornBy).to.equal(dateOfDay(day) - 180_000)
    for (const days of [-400, -2, 2, 400]) expect(await failure(shifted(days))).to.match(/the clock here says/)
    // A day that is between the two is the same question.
    const late = await shifted(day === Math.floor(now / 1000 / DAY) ? 1 : 0)
    expect([late.day, late.bornBy, late.through]).to.deep.equal([day, bornBy, dateOfDay(day + 30)])
  })

  it('with two endpoints, rests on neither alone: policy, issuer, lists and their roots', async () => {
    const { ethers, networkHelpers, gate, gateOf } = await open()
    // Witnesses that stand still are not heard, and a chain that was restored has the time of its snapshot.
    const now = Math.floor(Date.now() / 1000)
    if ((await networkHelpers.time.latest()) < now) await networkHelpers.time.increaseTo(now)
    const address = await gate.getAddress()
    const other = await (await gateOf({ ...POLICY, passDays: 300 })).getAddress()
    /** Two endpoints; the second answers the calls of a function as the other gate, or with other bytes. */
    const endpoints = (name: string, lie: (call: { to: string; data: string }) => Promise<string>) => ({
      count: 2,
      everywhere: async (method: string, params: readonly unknown[]): Promise<EndpointAnswer[]> => {
        const truth = await ethers.provider.send(method, [...params])
        const call = params[0] as { to: string; data: string }
        const isMeant = method === 'eth_call' && call.data.startsWith(name)
        const second = isMeant ? await lie(call) : truth
        return [
          { endpoint: 'http://one.example', result: truth },
          { endpoint: 'http://two.example', result: second },
        ]
      },
    })
    const selectorOf = (name: 'policy' | 'LISTS') => gate.interface.getFunction(name as 'policy').selector
    const elsewhere = (call: { data: string }) => ethers.provider.call({ ...call, to: other })
    const client = (witnesses: ReturnType<typeof endpoints>) =>
      new GateClient(address, providerOf(ethers), undefined, witnesses)
    const honest = client(endpoints('0xffffffff', elsewhere))
    expect((await honest.question(1n, EXPECTED)).policy.passDays).to.equal(30)
    const lies = client(endpoints(selectorOf('policy'), elsewhere))
    expect(await failure(lies.question(1n, {}))).to.match(/policy of 0x.*no two endpoints of --rpc say the same/)
    expect(await failure(lies.lists(1))).to.match(/policy of 0x/)
    const lists = client(endpoints(selectorOf('LISTS'), async () => `0x${'00'.repeat(12)}${other.slice(2)}`))
    expect(await failure(lists.lists(1))).to.match(/LISTS of 0x/)
  })

  it('an endpoint that shows a list with one value more is contradicted by the root that two others have', async () => {
    const { ethers, verifiers, lists: small } = await open()
    const parts = [verifiers, await small.CIRCUIT_ID(), new IntervalList().root] as const
    const lists = await ethers.deployContract('ValueLists', [...parts])
    await lists.openList('sanctions')
    const client = new ListClient(await lists.getAddress(), providerOf(ethers))
    const view = await client.read(1)
    await client.requireRoot(1, view, new Asking(providerOf(ethers)))
    const more = new IntervalList()
    more.add(77n)
    expect(await failure(client.requireRoot(1, { ...view, list: more }, new Asking(providerOf(ethers))))).to.match(
      /list 1 has another root by other endpoints/,
    )
  })

  it('reads a list from the block in which it was opened, not from the first of the chain', async () => {
    const { ethers, networkHelpers, verifiers, lists: small } = await open()
    const parts = [verifiers, await small.CIRCUIT_ID(), new IntervalList().root] as const
    const lists = await ethers.deployContract('ValueLists', [...parts])
    await networkHelpers.mine(9_000)
    await lists.openList('sanctions')
    const opened = await ethers.provider.getBlockNumber()
    await networkHelpers.mine(10)
    const from: number[] = []
    const provider = changing(ethers.provider, 'getLogs', async (filter: unknown) => {
      from.push((filter as { fromBlock: number }).fromBlock)
      return await ethers.provider.getLogs(filter as object)
    })
    expect((await new ListClient(await lists.getAddress(), provider).read(1)).list.size).to.equal(0)
    expect(from.at(-1)).to.equal(opened)
    expect(Math.min(...from)).to.be.greaterThan(opened - 2_000)
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
