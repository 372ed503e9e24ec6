#include "textflag.h"

DATA feed<>+0(SB)/4, $0x0a0a0a0a
GLOBL feed<>(SB), RODATA|NOPTR, $4
DATA space<>+0(SB)/4, $0x20202020
GLOBL space<>(SB), RODATA|NOPTR, $4

// func scanLinesAVX2(p *byte, n, max int) (end, lines int)
TEXT ·scanLinesAVX2(SB), NOSPLIT, $0-40
	MOVQ         p+0(FP), SI
	MOVQ         n+8(FP), BX
	MOVQ         max+16(FP), R10
	VPBROADCASTD feed<>(SB), Y1
	VPBROADCASTD space<>(SB), Y2
	XORQ         AX, AX
	XORQ         R8, R8
	XORQ         R9, R9

scan:
	// DX = a bit for each line feed among 64 bytes.
	VMOVDQU   (SI)(AX*1), Y3
	VMOVDQU   32(SI)(AX*1), Y4
	VPCMPEQB  Y3, Y1, Y5
	VPCMPEQB  Y4, Y1, Y6
	VPMOVMSKB Y5, DX
	VPMOVMSKB Y6, CX
	SHLQ      $32, CX
	ORQ       CX, DX
	JZ        next

	// R11 = a bit for each byte whose predecessor is at most a space.
	VMOVDQU   -1(SI)(AX*1), Y3
	VMOVDQU   31(SI)(AX*1), Y4
	VPMINUB   Y3, Y2, Y5
	VPMINUB   Y4, Y2, Y6
	VPCMPEQB  Y3, Y5, Y5
	VPCMPEQB  Y4, Y6, Y6
	VPMOVMSKB Y5, R11
	VPMOVMSKB Y6, CX
	SHLQ      $32, CX
	ORQ       CX, R11
	TESTQ     DX, R11
	JNZ       done
	POPCNTQ   DX, CX
	ADDQ      R8, CX
	CMPQ      CX, R10
	JGT       done
	MOVQ      CX, R8
	BSRQ      DX, DX
	LEAQ      1(AX)(DX*1), R9

next:
	ADDQ $64, AX
	CMPQ AX, BX
	JLT  scan

done:
	VZEROUPPER
	MOVQ R9, end+24(FP)
	MOVQ R8, lines+32(FP)
	RET
