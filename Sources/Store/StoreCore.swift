// SPDX-License-Identifier: Apache-2.0
import Controller
import Dispatch
import Glibc
import Synchronization

/// The thread that writes, and what waits for it.
///
/// Changes wait in the order they come. The thread takes all that wait, stores them in one transaction with one fsync,
/// and tells each caller, in order. After a failure all that wait and all that come fail likewise, until a recovery
/// finds the store working.
final class StoreCore: Sendable {
    typealias Completion = @Sendable (StoreProblem?) -> Void

    private enum Request: Sendable {
        case change(StoreChange, Completion)
        case recover
        case close
    }

    private struct Shared {
        var requests: [Request] = []
        /// The thread has been woken and has not looked yet.
        var isWoken = false
        var problem: StoreProblem?
        /// The latest time a change was stored at.
        var time: UInt64 = 0
        var thread: pthread_t?
        var hasEnded = false
    }

    /// Rows in one transaction: more make the first ones wait without making the rest faster.
    private static let rowsInTransaction = 65_536

    private let place: StorePlace
    private let identity: NodeIdentity
    private let clock: @Sendable () -> UInt64
    private let shared: Mutex<Shared>
    /// The database. Taken by the thread to write, and by whoever loads.
    private let access: Mutex<StoreAccess>
    private let work = DispatchSemaphore(value: 0)
    private let ended = DispatchGroup()

    init(
        _ place: StorePlace, _ identity: NodeIdentity, _ access: consuming StoreAccess,
        clock: @escaping @Sendable () -> UInt64
    ) {
        (self.place, self.identity, self.clock) = (place, identity, clock)
        shared = Mutex(Shared(problem: access.obstacle, time: access.storedTime))
        self.access = Mutex(access)
    }

    func start() throws(StoreProblem) {
        let body = Unmanaged.passRetained(self)
        var thread = pthread_t()
        ended.enter()
        let number = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<StoreCore>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard number == 0 else {
            body.release()
            ended.leave()
            throw .system(number, "pthread_create", place)
        }
        pthread_detach(thread)
        shared.withLock { $0.thread = thread }
    }

    var problem: StoreProblem? { shared.withLock { $0.problem } }

    /// How far the clock is behind the time a change was stored at, in seconds; 0 if it is not.
    var clockLag: UInt64 {
        let now = clock()
        return shared.withLock { $0.time > now ? $0.time - now : 0 }
    }

    private var closed: StoreProblem { .failed(path: place.directory, what: "it is closed") }

    func load(_ count: (Int) -> Void, _ body: (Amendment) -> Void) throws(StoreProblem) -> StoredNode {
        do {
            return try access.withLock { access throws(StoreProblem) in try access.load(count, body) }
        } catch {
            // Adding to what cannot be read would make it worse.
            if case .corrupt = error { shared.withLock { $0.problem = $0.problem ?? error } }
            throw error
        }
    }

    func commit(_ change: StoreChange, _ completion: @escaping Completion) {
        if !enqueue(.change(change, completion)) { completion(closed) }
    }

    func recover() { _ = enqueue(.recover) }

    func close() {
        _ = enqueue(.close)
        let isOnThread = shared.withLock { shared in shared.thread.map { pthread_equal($0, pthread_self()) != 0 } }
        // The last reference may go in a completion.
        if isOnThread != true { ended.wait() }
    }

    /// False if nobody will look.
    private func enqueue(_ request: Request) -> Bool {
        let (isTaken, mustWake) = shared.withLock { shared in
            guard !shared.hasEnded else { return (false, false) }
            shared.requests.append(request)
            defer { shared.isWoken = true }
            return (true, !shared.isWoken)
        }
        if mustWake { work.signal() }
        return isTaken
    }

    // MARK: The thread

    private func run() {
        var isOpen = true
        while isOpen {
            work.wait()
            let requests = shared.withLock { shared in
                shared.isWoken = false
                return exchange(&shared.requests, with: [])
            }
            isOpen = handle(requests)
        }
        access.withLock { $0.close() }
        let late = shared.withLock { shared in
            shared.hasEnded = true
            shared.problem = shared.problem ?? closed
            return exchange(&shared.requests, with: [])
        }
        for case .change(_, let completion) in late { completion(closed) }
        ended.leave()
    }

    /// False after the request to close.
    private func handle(_ requests: [Request]) -> Bool {
        var changes: [StoreChange] = []
        var completions: [Completion] = []
        var rows = 0
        var isOpen = true
        func store() {
            if !changes.isEmpty { self.store(changes, completions) }
            (changes, completions, rows) = ([], [], 0)
        }
        for request in requests {
            switch request {
            case .change(_, let completion) where !isOpen: completion(closed)
            case .change(let change, let completion):
                let count = change.amendments.count + change.forgotten.count
                if rows > 0, rows + count > Self.rowsInTransaction { store() }
                changes.append(change)
                completions.append(completion)
                rows += count
            case .recover:
                store()
                if isOpen { tryAgain() }
            case .close:
                store()
                isOpen = false
            }
        }
        store()
        return isOpen
    }

    private func store(_ changes: [StoreChange], _ completions: [Completion]) {
        var problem = self.problem
        if problem == nil {
            let now = clock()
            problem = failure { access throws(StoreProblem) in try access.session().store(changes, now: now) }
            if problem == nil { shared.withLock { $0.time = max($0.time, now) } }
        }
        // Set before anybody is told, so that who is told finds it.
        if let problem { shared.withLock { $0.problem = problem } }
        for completion in completions { completion(problem) }
        guard problem == nil else { return }
        // What was stored stays so; but a log that cannot be folded would grow for ever.
        let failed = failure { access throws(StoreProblem) in try access.session().foldLog() }
        if let failed { shared.withLock { $0.problem = failed } }
    }

    private func failure(_ body: (inout StoreAccess) throws(StoreProblem) -> Void) -> StoreProblem? {
        do {
            try access.withLock { access throws(StoreProblem) in try body(&access) }
            return nil
        } catch {
            return error
        }
    }

    private func tryAgain() {
        guard let problem else { return }
        switch problem {
        case .corrupt, .foreign, .newerSchema: return
        case .full, .readOnly, .missing, .held, .failed: break
        }
        let found = failure { access throws(StoreProblem) in try access.recover(from: problem, place, identity) }
        shared.withLock { $0.problem = found }
    }
}

private func exchange<Value>(_ value: inout Value, with other: consuming Value) -> Value {
    swap(&value, &other)
    return other
}
