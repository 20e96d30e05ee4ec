// SPDX-License-Identifier: GPL-3.0-or-later
// One keeper as a process: it gets the network and its place, then answers requests.
import process from 'node:process'
import { answerInference, generateEncryptionKey, InferenceRing, inferenceTerms } from '../../../keepers/fhe/index.ts'
import type { KeeperAnswer, KeeperStart, RequestMessage } from './messages.ts'

const send = (message: unknown) => process.send!(message)
const own = generateEncryptionKey()
let serve: ((message: RequestMessage) => Promise<KeeperAnswer>) | null = null

process.on('message', async (message: KeeperStart | RequestMessage) => {
  if ('network' in message) {
    const { network, options, self, keepers } = message
    const ring = await InferenceRing.open(inferenceTerms(network, options))
    serve = async ({ request, share }) => {
      const before = process.cpuUsage()
      const answer = await answerInference(ring, { network, request, share, self, own, keepers })
      const { user, system } = process.cpuUsage(before)
      return { answer, processor: (user + system) / 1e6, memory: process.resourceUsage().maxRSS * 1024 }
    }
    send('ready')
  } else {
    send(await serve!(message))
  }
})
send({ publicKey: own.publicKey })
