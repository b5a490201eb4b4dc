// SPDX-License-Identifier: Apache-2.0
import Controller
import Glibc
import Logging
import XDPDataPlane

/// Puts another fast-path program in the place of the running one and sees to it until it is settled whether that stays.
struct ProgramReplacement: Sendable {
    let controller: NodeController
    let held: OnControllerThread
    let logger: Logger
    /// Takes a sentence for `status`.
    let complain: @Sendable (String) -> Void

    /// - Parameters:
    ///   - image: an object file; nil: the program that is part of this one.
    ///   - sizes: tables' sizes and settings; nil: as they are.
    ///   - switched: called when packets are decided by the new program.
    /// - Throws: `ReplacementError`, or why the file is no fast path; nothing has changed then.
    func run(
        image: [UInt8]? = nil, sizes: XDPConfiguration? = nil,
        switched: @Sendable (ReplacementReport) async -> Void = { _ in }
    ) async throws -> ReplacementOutcome {
        let held = held
        let report = try await controller.withDataPlane { _ in
            var wanted = sizes ?? held.plane.configuration
            if let image { wanted.image = try FastPathImage(image) }
            return try held.plane.beginReplacement(wanted)
        }
        logger.notice("event=program_switched what=\"\(report.sentence)\"")
        await switched(report)
        while true {
            let outcome = await controller.withDataPlane { _ in held.plane.replacementTick() }
            guard let outcome else {
                // The window is a few seconds, and is looked at some twenty times a second.
                try? await Task.sleep(for: .milliseconds(20))
                continue
            }
            switch outcome {
            case .confirmed(let sentence):
                logger.notice("event=program_confirmed what=\"\(sentence)\"")
                let chosen = image == nil ? nil : Array(report.new.digest.utf8)
                await controller.setShadowRecord(Self.chosenProgram, chosen)
            case .reverted(let sentence):
                logger.error("event=program_reverted what=\"\(sentence)\"")
                // What was written meanwhile went into the tables of the program that is gone.
                _ = await controller.reconcile(repair: true)
            }
            return outcome
        }
    }

    /// Where the shadow of the data plane says which program an operator has chosen: the digest of its file, in hexadecimal.
    static let chosenProgram: UInt64 = 1

    /// Begins to put the program that is wanted in the place of one that an earlier process left, if that is another one. A program
    /// that an operator has put there stays.
    func upgrade(to sizes: XDPConfiguration) async -> Task<Void, Never>? {
        let held = held
        let (pending, running) = await controller.withDataPlane { _ in
            (held.plane.pendingUpgrade, held.plane.runningProgram)
        }
        guard pending != nil else { return nil }
        if sizes.image == nil, !running.isEmbedded,
            await controller.shadowRecord(Self.chosenProgram) == Array(running.digest.utf8)
        {
            logger.notice("event=program_kept what=\"\(running.short) was chosen by an operator\"")
            return nil
        }
        return Task {
            do { _ = try await run(sizes: sizes) } catch {
                logger.error("event=program_not_replaced why=\"\(error)\"")
                complain("the tables go on as an earlier process left them: \(error)")
            }
        }
    }

    /// The running program, and what became of the last replacement.
    func describe() async -> (running: ProgramDescription, last: ReplacementReport?) {
        let held = held
        return await controller.withDataPlane { _ in (held.plane.runningProgram, held.plane.lastReplacement) }
    }
}
