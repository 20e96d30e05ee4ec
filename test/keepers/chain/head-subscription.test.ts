// SPDX-License-Identifier: GPL-3.0-or-later
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { HeadSubscription } from '../../../keepers/chain/index.ts'
import { SocketServer } from './socket-server.ts'

const SUBSCRIBED = '{"jsonrpc":"2.0","id":1,"result":"0x9"}'
const HEAD = '{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x9","result":{"number":"0x1"}}}'

describe('announcements of blocks', function () {
  this.timeout(60_000)
  let server: SocketServer
  let heard: number
  let changes: string[]
  let subscription: HeadSubscription | undefined

  beforeEach(async () => {
    server = await SocketServer.start()
    heard = 0
    changes = []
  })
  afterEach(async () => {
    subscription?.close()
    await server[Symbol.asyncDispose]()
  })

  const subscribe = (silence?: number): HeadSubscription => {
    subscription = new HeadSubscription({
      url: server.url,
      onHead: () => heard++,
      onChange: ({ live, reason }) => changes.push(`${live}: ${reason}`),
      ...(silence === undefined ? {} : { silence }),
    })
    return subscription
  }
  const until = async (holds: () => boolean, what: string): Promise<void> => {
    for (const end = performance.now() + 30_000; !holds(); await wait(10)) {
      if (performance.now() > end) throw new Error(`${what}: never`)
    }
  }

  it('are asked for once, and passed on', async () => {
    const blocks = subscribe()
    expect(blocks.live).to.equal(false)
    await until(() => server.heard.length === 1, 'a subscription')
    expect(JSON.parse(server.heard[0]!)).to.deep.include({ method: 'eth_subscribe', params: ['newHeads'] })
    server.say(SUBSCRIBED)
    server.say(HEAD)
    server.say(HEAD)
    await until(() => heard === 2, 'two blocks')
    expect([blocks.live, changes]).to.deep.equal([true, ['true: subscribed']])
  })

  it('come again after the connection was lost, and are not counted on meanwhile', async () => {
    const blocks = subscribe()
    await until(() => server.heard.length === 1, 'a subscription')
    server.say(SUBSCRIBED)
    await until(() => blocks.live, 'live')
    server.drop()
    await until(() => !blocks.live, 'lost')
    await until(() => server.heard.length === 2, 'a second subscription')
    server.say(SUBSCRIBED)
    await until(() => blocks.live, 'live again')
    expect(changes.map((change) => change.split(':')[0])).to.deep.equal(['true', 'false', 'true'])
  })

  it('are not counted on from an endpoint that refuses, is silent, or sends something else', async () => {
    const cases: [answer: string | null, reason: RegExp][] = [
      ['{"id":1,"error":{"message":"no such method"}}', /^false: eth_subscribe: no such method/],
      ['<html>', /^false: .*not JSON/],
      [null, /^false: .*nothing for long/],
    ]
    for (const [answer, reason] of cases) {
      changes = []
      const before = server.heard.length
      const blocks = subscribe(answer === null ? 500 : undefined)
      await until(() => server.heard.length > before || changes.length > 0, 'a subscription')
      if (answer !== null) server.say(answer)
      await until(() => changes.length > 0, String(reason))
      expect(changes[0]).to.match(reason)
      expect(blocks.live).to.equal(false)
      blocks.close()
    }
    expect(heard).to.equal(0)
  })
})
