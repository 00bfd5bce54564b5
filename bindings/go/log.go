package eiot

// #include <stdint.h>
import "C"

import "runtime/cgo"

// eiotGoLog is what the library calls for a line of the log. It has a file of its own because C that is defined beside an
// exported function is compiled twice.
//
//export eiotGoLog
func eiotGoLog(line *C.char, handle C.uintptr_t) {
	// A panic must not unwind the library's frames, which a recover further up would leave half done.
	defer func() {
		if reason := recover(); reason != nil {
			go panic(reason)
			select {}
		}
	}()
	cgo.Handle(handle).Value().(func(string))(C.GoString(line))
}
