// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort keeper rotate | backup | restore | protection`: a keeper's keys and memory over the years.
import process from 'node:process'
import { type Command, Option } from 'commander'
import { parseAddress } from './chain-command.ts'
import { UsageError } from './failure.ts'
import { add, addOwner, type Common, type OwnerOptions, print, withOwner } from './keeper-options.ts'

type RotateFlags = OwnerOptions & {
  readonly fund: string
  readonly remoteSigner?: string
  readonly operator?: string
  readonly operatorApi: string
}

/** Adds them to `cohort keeper`. */
export function registerKeeperKeys(keeper: Command): void {
  addOwner(
    keeper,
    'rotate',
    'give the stopped keeper another operator key; it keeps its seat and its epoch (owner key)',
  )
    .option('--fund <ether>', 'ether for the new operator to pay gas with, when it has less', '0')
    .option('--remote-signer <url>', 'the new key is with this signer (default: a new keystore in the folder)')
    .option('--operator <address>', 'the account that the remote signer signs for', parseAddress)
    .addOption(
      new Option('--operator-api <kind>', 'the protocol of --remote-signer')
        .choices(['clef', 'web3signer', 'json-rpc'])
        .default('clef'),
    )
    .addHelpText(
      'after',
      `
Stop the keeper, rotate, start it. If that takes less than a window, the keeper misses no step.
  systemctl stop cohort-keeper && cohort keeper rotate --owner owner.json --fund 0.2 && systemctl start cohort-keeper
It may be repeated after any failure. The old keystore stays beside the new one, with its address in the file name.`,
    )
    .action(async (options: RotateFlags) => rotateCommand(options))

  add(keeper, 'backup', 'write the keeper’s identity and its claims into one file; the keeper may be running')
    .requiredOption('--out <file>', 'where to')
    .addHelpText(
      'after',
      '\nThe file holds keystore, peer identity, config, manifest and claims, all under the passphrase. It holds no key of an epoch.',
    )
    .action(async (options: Common & { out: string }) => {
      const { backUp } = await import('../agent/index.ts')
      print(options, backUp(options.data, await passphraseOf(options), options.out))
    })

  add(keeper, 'restore', 'make a data folder from a backup; the keeper takes part from the next epoch on')
    .argument('<file>', 'the file that `cohort keeper backup` wrote')
    .option('--protection <file>', 'a newer record of claims, as `protection export` wrote it')
    .addHelpText('after', '\nMake sure that the keeper runs nowhere else: two processes with one key end each other.')
    .action(async (file: string, options: Common & { protection?: string }) => {
      const { readPassphrase } = await import('../chain/index.ts')
      const { readRecord, restore } = await import('../agent/index.ts')
      const passphrase = await readPassphrase({ file: options.passphraseFile })
      const protection = options.protection === undefined ? undefined : readRecord(options.protection)
      print(options, restore({ file, folder: options.data, passphrase, protection }))
    })

  const protection = keeper
    .command('protection')
    .description(
      'export and import the record of what the keeper has encrypted and decrypted, so that no other folder contradicts it',
    )
  add(protection, 'export', 'write the record; the keeper may be running')
    .option('--out <file>', 'file for the record (default: standard output)')
    .action(async (options: Common & { out?: string }) => {
      const { exportProtection } = await import('../agent/index.ts')
      const record = exportProtection(options.data)
      const text = `${JSON.stringify(record, null, 1)}\n`
      if (options.out === undefined) {
        process.stdout.write(text)
        return
      }
      const { writeFile } = await import('node:fs/promises')
      await writeFile(options.out, text, { mode: 0o600 })
      print(options, { file: options.out, claims: record.claims.length })
    })
  add(protection, 'import', 'add a record’s claims to the folder, all or none; the keeper must be stopped')
    .argument('<file>', 'the file that `export` wrote')
    .action(async (file: string, options: Common) => {
      const { importProtection, readRecord } = await import('../agent/index.ts')
      print(options, importProtection(options.data, await passphraseOf(options), readRecord(file)))
    })
}

async function passphraseOf(options: Common): Promise<string> {
  const [{ loadConfig }, { readPassphrase }] = await Promise.all([
    import('../agent/index.ts'),
    import('../chain/index.ts'),
  ])
  return await readPassphrase({ file: options.passphraseFile ?? loadConfig(options.data).keys.passphraseFile })
}

async function rotateCommand(options: RotateFlags): Promise<void> {
  const { remoteSigner: url, operator: address, operatorApi: api } = options
  if ((url === undefined) !== (address === undefined)) {
    throw new UsageError('--remote-signer and --operator belong together: where the key is, and whose it is')
  }
  const remote = url === undefined || address === undefined ? undefined : { url, address, api }
  await withOwner(options, async (session) => {
    const [{ rotateOperator }, { parseEther }] = await Promise.all([import('../agent/index.ts'), import('ethers')])
    const result = await rotateOperator({
      ...{ session, folder: options.data, passphrase: await passphraseOf(options), remote },
      fund: parseEther(options.fund),
      onProgress: (text) => process.stderr.write(`  ${text}\n`),
    })
    print(options, { ...result, next: 'start the keeper' })
  })
}
