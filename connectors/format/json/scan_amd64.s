#include "textflag.h"

// Bytes of a string that need a look: quotes, backslashes, and what is not above 0x1f.
DATA quote<>+0(SB)/4, $0x22222222
GLOBL quote<>(SB), RODATA|NOPTR, $4
DATA backslash<>+0(SB)/4, $0x5c5c5c5c
GLOBL backslash<>(SB), RODATA|NOPTR, $4
DATA control<>+0(SB)/4, $0x1f1f1f1f
GLOBL control<>(SB), RODATA|NOPTR, $4
DATA feed<>+0(SB)/4, $0x0a0a0a0a
GLOBL feed<>(SB), RODATA|NOPTR, $4

// DX = a bit for each of the 32 bytes of Y0 that is special.
#define SPECIAL \
	VPCMPEQB  Y0, Y1, Y4; \
	VPCMPEQB  Y0, Y2, Y5; \
	VPMINUB   Y0, Y3, Y6; \
	VPCMPEQB  Y0, Y6, Y6; \
	VPOR      Y4, Y5, Y5; \
	VPOR      Y5, Y6, Y6; \
	VPMOVMSKB Y6, DX

// func copyPlainAVX2(dst, src *byte, limit int) (n int, high uint32)
TEXT ·copyPlainAVX2(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         limit+16(FP), BX
	VPBROADCASTD quote<>(SB), Y1
	VPBROADCASTD backslash<>(SB), Y2
	VPBROADCASTD control<>(SB), Y3
	XORQ         AX, AX
	XORL         R8, R8

copy:
	VMOVDQU   (SI)(AX*1), Y0
	VMOVDQU   Y0, (DI)(AX*1)
	SPECIAL
	VPMOVMSKB Y0, CX
	TESTL     DX, DX
	JNZ       copied
	ORL       CX, R8
	ADDQ      $32, AX
	CMPQ      AX, BX
	JLT       copy
	JMP       done

copied:
	// Of this block only the bytes before the special one count: DX has its
	// lowest bit there, so DX^(DX-1) covers them and one more, which is below 0x80.
	LEAL -1(DX), R9
	XORL DX, R9
	ANDL R9, CX
	ORL  CX, R8
	BSFL DX, DX
	ADDQ DX, AX

done:
	VZEROUPPER
	MOVQ AX, n+24(FP)
	MOVL R8, high+32(FP)
	RET

// func indexQuoteAVX2(src *byte, limit int) int
TEXT ·indexQuoteAVX2(SB), NOSPLIT, $0-24
	MOVQ         src+0(FP), SI
	MOVQ         limit+8(FP), BX
	VPBROADCASTD quote<>(SB), Y1
	VPBROADCASTD feed<>(SB), Y2
	XORQ         AX, AX

scan:
	VMOVDQU   (SI)(AX*1), Y0
	VPCMPEQB  Y0, Y1, Y4
	VPCMPEQB  Y0, Y2, Y5
	VPOR      Y4, Y5, Y5
	VPMOVMSKB Y5, DX
	TESTL     DX, DX
	JNZ       found
	ADDQ      $32, AX
	CMPQ      AX, BX
	JLT       scan
	VZEROUPPER
	MOVQ      AX, ret+16(FP)
	RET

found:
	BSFL DX, DX
	ADDQ DX, AX
	VZEROUPPER
	MOVQ AX, ret+16(FP)
	RET
