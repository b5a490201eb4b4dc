// SPDX-License-Identifier: Apache-2.0
import Controller
import Glibc

/// The files of one node's memory, in a directory of their own.
struct StorePlace: Hashable, Sendable {
    /// As it was given.
    let directory: String
    /// The database's name in it.
    var name = "node.db"

    var database: String { directory + "/" + name }
    /// SQLite's write-ahead log, part of the database while a process has it open and after a crash.
    var log: String { database + "-wal" }
    /// SQLite's index of the log: remade when it is missing.
    var logIndex: String { database + "-shm" }
    /// Of SQLite before it was told to write a log; only for a moment, while a database is made.
    var journal: String { database + "-journal" }
    var lock: String { directory + "/lock" }
    /// A database that is being filled, to take the place of this one.
    var incoming: StorePlace { StorePlace(directory: directory, name: name + ".import") }
    /// The one that was replaced by an import.
    var previous: StorePlace { StorePlace(directory: directory, name: name + ".before-import") }

    /// Makes the directory, readable by its owner alone, and those above it.
    func makeDirectory() throws(StoreProblem) {
        var info = stat()
        if stat(directory, &info) == 0 { return }
        var above = ""
        for part in directory.split(separator: "/", omittingEmptySubsequences: false).dropLast() {
            above += "\(part)/"
            if mkdir(above, 0o755) == 0 { try Self.synchronizeDirectory(above, for: self) }
        }
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { throw .system(errno, "mkdir", self) }
        try Self.synchronizeDirectory(directory + "/..", for: self)
    }

    /// Makes an empty file where SQLite would make one that others may read.
    func makeDatabase() throws(StoreProblem) {
        let file = open(database, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if file < 0, errno == EEXIST { return }
        guard file >= 0 else { throw .system(errno, "open", self) }
        close(file)
        try synchronizeDirectory()
    }

    /// Makes names that were made, changed or removed in the directory durable.
    func synchronizeDirectory() throws(StoreProblem) { try Self.synchronizeDirectory(directory, for: self) }

    private static func synchronizeDirectory(_ path: String, for place: StorePlace) throws(StoreProblem) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw .system(errno, "open", place) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw .system(errno, "fsync", place) }
    }

    /// Whether there is room for a good deal more, found out by taking it.
    func probeRoom() throws(StoreProblem) {
        let path = database + ".room"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system(errno, "open", self) }
        unlink(path)
        defer { close(file) }
        let number = posix_fallocate(file, 0, 1 << 20)
        guard number == 0 else { throw .system(number, "posix_fallocate", self) }
    }

    /// Why nothing can be written here, if the file system says so.
    var obstacle: StoreProblem? {
        var info = statvfs()
        if statvfs(directory, &info) == 0 {
            if info.f_flag & UInt(ST_RDONLY) != 0 { return .readOnly(path: directory) }
            if info.f_bavail == 0 { return .full(path: directory) }
        }
        for path in [directory, database, log] where faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0 {
            if errno == EACCES || errno == EROFS || errno == EPERM { return .readOnly(path: directory) }
        }
        return nil
    }
}

/// Which file stands behind a name, and what it looked like.
struct FileIdentity: Hashable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    /// Of the last change, nanoseconds since 1970.
    var changed: Int64

    /// nil if there is none.
    init?(_ path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        (device, inode, size) = (UInt64(info.st_dev), UInt64(info.st_ino), Int64(info.st_size))
        changed = Int64(info.st_mtim.tv_sec) * 1_000_000_000 + Int64(info.st_mtim.tv_nsec)
    }

    func isSameFile(as other: FileIdentity) -> Bool { device == other.device && inode == other.inode }
}
