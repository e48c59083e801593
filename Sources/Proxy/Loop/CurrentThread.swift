import Glibc

/// A number that is the calling thread's alone, as long as it lives.
func currentThread() -> UInt { UInt(pthread_self()) }
