// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort claim`: put claims of accuracy and fairness on record, look at them, challenge them.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { chainCommand, parseAddress, parseCount, parseCountFromZero } from './chain-command.ts'
import { parseWhen } from './market-text.ts'

const EXAMPLES = `
Examples (circuits and batches come from \`cohort zkml claim\`; an account of a development node, --keystore FILE elsewhere):
  cohort claim deploy --account 0                       # then: export COHORT_CLAIMS=0x…
  cohort claim describe accurate/ --refutation inaccurate/ --account 0
  cohort claim pool accurate/ --batches a.opening.json b.opening.json --account 1
  cohort claim draw accurate/ --pool 1 --service 0x… --number 1 --account 1
  cohort claim publish accurate/ --pool 1 --source draw --batches a.opening.json b.opening.json \\
    --service 0x… --number 1 --guarantee 54 --expires +30d --bond 0.4 --account 1
  cohort claim list
  cohort claim challenge 1 inaccurate/ --batches a.opening.json b.opening.json --account 2
`

const actions = () => import('./claim-actions.ts')

export function registerClaim(program: Command): void {
  const claim = program
    .command('claim')
    .description('put claims of accuracy and fairness on record, look at them, challenge them')
    .addHelpText('after', EXAMPLES)

  chainCommand(claim, 'deploy', 'deploy a claim registry on the deployment’s model and verifier registries')
    .option(
      '--registrar <address>',
      'the account that describes what circuits prove (default: the timelock)',
      parseAddress,
    )
    .option(
      '--treasury <address>',
      'the account that gets a quarter of lost bonds (default: the timelock)',
      parseAddress,
    )
    .action(async (options) => (await actions()).deploy(options))

  command(
    claim,
    'describe <folder>',
    'put on record what proofs of a circuit and of its refutation mean (the registrar)',
  )
    .requiredOption('--refutation <folder>', 'the circuit of the opposite statement: zkml claim … --refutes')
    .action(async (folder, options) => (await actions()).describe(folder, options))

  batches(command(claim, 'pool <folder>', 'commit to batches before anything is drawn'))
    .option('--uri <text>', 'where batches and salts can be found, if they are public', '')
    .action(async (folder, options) => (await actions()).pool(folder, options))

  version(command(claim, 'draw <folder>', 'draw the batch of a claim: once for each pool, version and statement'))
    .requiredOption('--pool <number>', 'the pool; only the account that keeps it can draw', parseCount)
    .option('--claimant <address>', 'the only account that can claim on the batch (default: yours)', parseAddress)
    .action(async (folder, options) => (await actions()).draw(folder, options))

  version(batchOptions(command(claim, 'publish <folder>', 'prove a claim about a version and put it on record')))
    .addOption(
      new Option('--source <who>', 'who chose the batch').choices(['claimant', 'auditor', 'draw']).default('claimant'),
    )
    .option('--auditor <address>', 'the auditor whose signature chooses batches, here or for challenges', parseAddress)
    .option('--signature <hex>', 'the auditor’s signature, from `cohort claim sign`', parseHex)
    .option('--pool <number>', 'the pool whose batches are drawn, here or for challenges', parseCount)
    .option('--figure <n>', 'right answers, or permille (default: the true value)', parseCountFromZero)
    .requiredOption(
      '--guarantee <n>',
      'the figure that the bond guarantees on any other accepted batch',
      parseCountFromZero,
    )
    .requiredOption('--expires <time>', '2026-12-01T12:00Z, +30d, Unix seconds', parseWhen)
    .requiredOption('--bond <ether>', 'lost if the guarantee is refuted', parseEtherText)
    .action(async (folder, options) => (await actions()).publish(folder, options))

  version(command(claim, 'sign <folder>', 'sign a batch as an auditor: for a claim, or for a challenge with --claim'))
    .requiredOption('--batch <file>', 'the batch with its salt (`zkml claim commit`)')
    .requiredOption('--for <address>', 'the claimant, or the challenger', parseAddress)
    .option('--claim <number>', 'the claim that the batch is to challenge', parseCount)
    .action(async (folder, options) => (await actions()).sign(folder, options))

  command(claim, 'list', 'claims, the newest first')
    .option('--count <number>', 'how many', parseCount, 20)
    .action(async (options) => (await actions()).list(options))

  numbered(claim, 'show', 'claim', 'one claim, and whether it counts').action(async (id, options) =>
    (await actions()).show(id, options),
  )

  batchOptions(
    numbered(claim, 'challenge', 'claim', 'refute a claim on a drawn batch, or on one that its auditor signed'),
  )
    .argument('<folder>', 'the circuit of the opposite statement')
    .option(
      '--signature <hex>',
      'the auditor’s signature for this claim and account (default: a batch is drawn)',
      parseHex,
    )
    .option('--resume <challenge>', 'go on with a challenge that is already paid', parseCount)
    .action(async (id, folder, options) => (await actions()).challenge(id, folder, options))

  numbered(claim, 'settle', 'challenge', 'end a challenge, and credit its bond to whoever won').action(
    async (id, options) => (await actions()).settle(id, options),
  )
  numbered(claim, 'release', 'claim', 'return the bond of an expired claim').action(async (id, options) =>
    (await actions()).release(id, options),
  )
  command(claim, 'withdraw', 'withdraw what the registry owes you').action(async (options) =>
    (await actions()).withdraw(options),
  )
}

function command(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, name, description).addOption(
    new Option('--registry <address>', 'the claim registry').env('COHORT_CLAIMS').argParser(parseAddress),
  )
}

/** A command about one claim or challenge, by its number. */
function numbered(parent: Command, name: string, what: string, description: string): Command {
  return command(parent, name, description).argument(`<${what}>`, 'its number', parseCount)
}

function version(to: Command): Command {
  return to
    .requiredOption('--service <address>', 'the service, or the adopted model', parseAddress)
    .requiredOption('--number <version>', 'which of its versions', parseCount)
}

function batches(to: Command): Command {
  return to.requiredOption('--batches <files...>', 'every batch of the pool, in its order, each with its salt')
}

function batchOptions(to: Command): Command {
  return to
    .option('--batch <file>', 'the batch with its salt (`zkml claim commit`)')
    .option('--batches <files...>', 'instead: every batch of the pool, in its order')
}

function parseHex(text: string): string {
  if (!/^0x([0-9a-fA-F]{2})+$/.test(text)) throw new InvalidArgumentError('0x and hexadecimal bytes are needed.')
  return text
}

function parseEtherText(text: string): string {
  if (!/^\d{1,9}(\.\d{1,18})?$/.test(text)) throw new InvalidArgumentError('an amount of ether such as 0.4 is needed.')
  return text
}
